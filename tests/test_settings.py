"""Settings come from the surroundings, and a Space is told from a laptop."""

import pytest

from chatui import settings as module
from chatui.errors import BadEnvironment
from chatui.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in ("CHATUI_HOST", "CHATUI_WORKSPACE", "CHATUI_PORT", "SPACE_ID"):
        monkeypatch.delenv(name, raising=False)


def test_only_this_machine_can_reach_it_by_default():
    assert Settings().host == "127.0.0.1"
    assert Settings().is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])
def test_any_other_address_is_not_loopback(host):
    assert not Settings(host=host).is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "::1"])
def test_loopback_has_several_names(host):
    assert Settings(host=host).is_loopback


def test_the_environment_decides_and_arguments_win(monkeypatch):
    monkeypatch.setenv("CHATUI_PORT", "8000")

    assert Settings().port == 8000
    assert Settings(port=9000).port == 9000


def test_a_space_is_served_to_everybody_from_its_storage(monkeypatch, tmp_path):
    monkeypatch.setenv("SPACE_ID", "somebody/chatui")
    monkeypatch.setattr(module, "SPACE_STORAGE", tmp_path)

    assert Settings().host == "0.0.0.0"
    assert Settings().workspace == tmp_path
    monkeypatch.setenv("CHATUI_HOST", "127.0.0.1")
    assert Settings().host == "127.0.0.1"


def test_a_space_without_storage_keeps_its_things_beside_the_code(monkeypatch, tmp_path):
    monkeypatch.setenv("SPACE_ID", "somebody/chatui")
    monkeypatch.setattr(module, "SPACE_STORAGE", tmp_path / "none")

    assert Settings().workspace.name == "workspace"


def test_a_setting_that_makes_no_sense_is_named_in_a_sentence(monkeypatch):
    with pytest.raises(BadEnvironment, match="'port' can't be used.*CHATUI_PORT"):
        load_settings(port=70000)
    monkeypatch.setenv("CHATUI_PORT", "many")
    with pytest.raises(BadEnvironment, match="'port' can't be used"):
        load_settings()


def test_a_password_is_not_shown_when_settings_are_printed():
    assert "secret" not in repr(Settings(password="secret"))
