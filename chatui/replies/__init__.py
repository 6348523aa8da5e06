"""Frozen replies of a model to a test set: made once by a job, read by Score and Rate."""

from chatui.replies.job import RepliesJob
from chatui.replies.store import ReplySet, ReplyStore, reply_sets

__all__ = ["RepliesJob", "ReplySet", "ReplyStore", "reply_sets"]
