"""A WSGI application (PEP 3333) with nothing but the standard library."""
import socket
import sys


def app(environ, start_response):
    """Answers every path; /healthz is for whoever asks whether it lives."""
    if environ["PATH_INFO"] == "/healthz":
        text = "ok\n"
    else:
        version = ".".join(str(part) for part in sys.version_info[:3])
        text = f"Hello from Python {version} in {socket.gethostname()}.\n"
    body = text.encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
