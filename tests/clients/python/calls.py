"""Lets a test in another language call Python functions, with a JSON line for each call and each answer."""

import contextlib
import json
import sys


def serve(*functions):
    """Answers each {"call": name, "arguments": {}} on standard input with {"result"} or {"error"}."""
    by_name = {function.__name__: function for function in functions}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            # Some clients print hints.
            with contextlib.redirect_stdout(sys.stderr):
                answer = {"result": by_name[request["call"]](**request["arguments"])}
        except Exception as error:  # The test examines any error of the client.
            details = {name: getattr(error, name, None) for name in ("status_code", "code", "param")}
            answer = {"error": {"type": type(error).__name__, "message": str(error), **details}}
        print(json.dumps(answer), flush=True)
