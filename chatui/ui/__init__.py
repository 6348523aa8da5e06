"""The page: the only user of Gradio."""
