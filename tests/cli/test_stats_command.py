"""A version is measured on the command line."""


def test_a_version_is_measured_by_the_starter(run, file):
    run("add", str(file))

    status, told, _ = run("stats", "support-v1")
    text = run("stats", "support-v1", "--max-length", "16", as_json=False)[1]

    assert (status, told["conversations"], told["base"], told["limit"]) == (0, 30, "starter", 512)
    assert told["tokens"]["p50"] <= told["tokens"]["p95"] <= told["tokens"]["most"]
    assert (told["cut"], told["cut_share"], told["copies"]) == (0, 0.0, 0)
    assert set(told["roles"]) == {"user", "assistant"}
    assert dict(told["languages"]) == {"en": 30}
    assert told["health"][0]["subject"] == "Conversations"
    assert "30 of 30 have more than 16 tokens and are cut" in text
    assert "Length: 30 conversations have more than 16 tokens (100 %)" in text


def test_what_cannot_be_measured_is_said_in_a_sentence(run):
    for words, said in (
        (("stats", "nothing-v1"), "nothing-v1"),
        (("stats", "sample-support-v1", "--base", "no such model"), "no such model"),
    ):
        status, out, err = run(*words)
        assert (status, out) == (1, "")
        assert said in err
