"""A model server as translator: a real one on this machine, with whatever fault a test wants."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from duplex.models.translation import load_translator
from duplex.models.translation.server import ServerTranslator
from duplex.streaming.errors import EndpointError, SettingsError


@pytest.fixture
def server():
    """`answer` is (status, body) of a completion; `asked` the bodies that came."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.reply(*owner.models)

        def do_POST(self):
            owner.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            owner.keys.append(self.headers.get("Authorization"))
            self.reply(*owner.answer)

        def reply(self, status, body):
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    owner = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    owner.asked, owner.keys, owner.models = [], [], (200, {"data": [{"id": "tiny"}]})
    owner.answer = completion("Guten Tag.")
    owner.url = f"http://127.0.0.1:{owner.server_port}/v1"
    thread = threading.Thread(target=owner.serve_forever, daemon=True)
    thread.start()
    yield owner
    owner.shutdown()
    owner.server_close()
    thread.join()


def completion(text):
    return 200, {"choices": [{"message": {"content": text}}]}


def test_a_text_is_translated(server):
    found = load_translator(server.url).translate("Good day.", "en", "de")
    assert (found.text, found.source, found.target, found.hopeless) == ("Guten Tag.", "en", "de", False)
    (body,) = server.asked
    assert body["model"] == "tiny" and body["messages"][1]["content"] == "Good day."
    assert "from English into German" in body["messages"][0]["content"]


def test_a_model_can_be_named_and_a_key_given(server):
    assert load_translator(f"qwen2.5:3b@{server.url}").model == "qwen2.5:3b"
    ServerTranslator(server.url, "big", api_key="secret").translate("Hi", "en", "pt", partial=True, begin="Bom dia")
    assert server.keys == ["Bearer secret"] and server.asked[0]["model"] == "big"
    instruction = server.asked[0]["messages"][0]["content"]
    assert "not finished" in instruction and instruction.endswith("Bom dia")


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("<think>Hm, easy.</think>\n\nGuten Tag.", "Guten Tag."),
        ('"Guten Tag."', "Guten Tag."),
        ("„Guten Tag.“", "Guten Tag."),
    ],
)
def test_thoughts_and_quotation_marks_are_no_translation(server, said, text):
    server.answer = completion(said)
    assert load_translator(server.url).translate("Good day.", "en", "de").text == text


@pytest.mark.parametrize("said", ["", "<think>never ends", "ja " * 200, None])
def test_what_is_no_translation_is_marked(server, said):
    server.answer = completion(said)
    found = load_translator(server.url).translate("Good day.", "en", "de")
    assert found.hopeless and len(found.text.split()) < 15


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((500, "out of memory"), "status 500: out of memory"),
        ((200, "<html>"), "no JSON"),
        ((200, {"choices": []}), "no completion"),
        ((200, []), "no completion"),
    ],
)
def test_a_server_at_fault_is_one_line(server, answer, message):
    server.answer = answer
    with pytest.raises(EndpointError, match=message) as error:
        load_translator(server.url).translate("Good day.", "en", "de")
    assert "\n" not in str(error.value)


def test_no_model_no_server_no_address(server):
    server.models = (200, {"data": []})
    with pytest.raises(EndpointError, match="lists no model"):
        load_translator(server.url).translate("Hi", "en", "de")
    with pytest.raises(EndpointError, match="cannot connect"):
        ServerTranslator("http://127.0.0.1:9/v1", "m").translate("Hi", "en", "de")
    with pytest.raises(SettingsError, match="no address"):
        load_translator("ftp://x")


def test_nothing_is_not_asked(server):
    assert load_translator(server.url).translate(" 12 ", "en", "de").text == "12" and not server.asked
