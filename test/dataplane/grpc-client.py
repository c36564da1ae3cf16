"""Calls test.Echo with the gRPC library of C, which shares no line with ours: `grpc-client.py PORT CHECK`.

Prints one JSON value: what came back.
"""

import json
import sys
import threading
import time

import grpc

PORT, CHECK = sys.argv[1:3]
channel = grpc.insecure_channel(f"127.0.0.1:{PORT}")
encode = str.encode
decode = bytes.decode


def unary(text, metadata=(), timeout=20):
    method = channel.unary_unary("/test.Echo/Unary", encode, decode)
    return method.with_call(text, timeout=timeout, metadata=metadata)


def metadata():
    value, call = unary("ada", [("x-sent", "yes")])
    return [value, dict(call.initial_metadata()).get("x-seen")]


def error():
    try:
        unary("fail")
    except grpc.RpcError as problem:
        detail = dict(problem.trailing_metadata()).get("detail-bin", b"")
        return [problem.code().name, problem.details(), list(detail)]
    return "no error"


def collect():
    method = channel.stream_unary("/test.Echo/Collect", encode, decode)
    return method(iter(["a", "b", "c"]), timeout=20)


def spread():
    method = channel.unary_stream("/test.Echo/Spread", encode, decode)
    return list(method("one two three", timeout=20))


def converse():
    """In step: a word is said when the one before has come back."""
    method = channel.stream_stream("/test.Echo/Converse", encode, decode)
    heard, turn = [], threading.Semaphore(1)

    def words():
        for word in ["a", "b", "c"]:
            turn.acquire()
            yield word

    for word in method(words(), timeout=20):
        heard.append(word)
        turn.release()
    return heard


def cancel():
    call = channel.unary_stream("/test.Echo/Forever", encode, decode)("go", timeout=20)
    first = next(call)
    call.cancel()
    try:
        next(call)
    except grpc.RpcError as problem:
        return [first, problem.code().name]
    return "not cancelled"


def deadline():
    call = channel.unary_stream("/test.Echo/Forever", encode, decode)("go", timeout=0.5)
    heard = []
    try:
        for word in call:
            heard.append(word)
    except grpc.RpcError as problem:
        return [heard, problem.code().name]
    return "no deadline"


def unavailable():
    try:
        unary("ada")
    except grpc.RpcError as problem:
        return problem.code().name
    return "no error"


def pushes():
    """Calls for two seconds, and a conversation beside them."""
    end = time.monotonic() + 2
    said, problems = [0], []

    def words():
        while time.monotonic() < end:
            said[0] += 1
            yield "word"
            time.sleep(0.02)

    def talk():
        try:
            method = channel.stream_stream("/test.Echo/Converse", encode, decode)
            heard = sum(1 for word in method(words(), timeout=60) if word == "WORD")
            if heard != said[0]:
                problems.append(f"{heard} of {said[0]} words came back")
        except grpc.RpcError as problem:
            problems.append(str(problem.code()))

    beside = threading.Thread(target=talk)
    beside.start()
    calls = 0
    while time.monotonic() < end:
        try:
            value, _ = unary("ada")
            if value != "hello ada":
                problems.append(value)
        except grpc.RpcError as problem:
            problems.append(f"{problem.code()} {problem.details()}")
        calls += 1
    beside.join()
    return {"called": calls > 0, "problems": problems}


print(json.dumps(globals()[CHECK]()))
