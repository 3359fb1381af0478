"""Writes log-probabilities.json: results of llama-cpp-python, an independent build of llama.cpp, for the default model.
On a processor with AMX it writes log-probabilities.amx.json, because llama.cpp rounds matrix products differently there.

    python3 -m venv reference && reference/bin/pip install llama-cpp-python==0.3.36 numpy==2.4.6
    reference/bin/python tests/clients/reference/make-reference.py models/store/*/SmolLM2-135M-Instruct.Q4_1.gguf

With AMX and a GCC before 13, pip needs CXXFLAGS="-include $PWD/bench/tile-config.h".

Log-probabilities are natural logarithms, computed from the raw logits. The first token of a text has none.
"""

import hashlib
import json
import platform
import sys
from pathlib import Path

import llama_cpp
import numpy
from llama_cpp import Llama

here = Path(__file__).parent
tasks = here.parent / "python" / "tasks"
model_path = Path(sys.argv[1])

#: The settings of the results, and other settings to compare them with.
chosen = {"n_batch": 512, "n_threads": 1}
others = [
    {"n_batch": 512, "n_threads": 2},
    {"n_batch": 128, "n_threads": 1},
    {"n_batch": 32, "n_threads": 2},
    {"n_batch": 1, "n_threads": 1},
    {"n_batch": 512, "n_threads": 1, "flash_attn": True},
]


def load(settings):
    return Llama(str(model_path), n_ctx=1024, n_ubatch=settings["n_batch"], logits_all=True, verbose=False, **settings)


def tokenize(llama, text):
    return llama.tokenize(text.encode(), add_bos=False, special=True)


def log_probabilities(llama, tokens):
    """Returns a row for each token: the log-probabilities of all tokens that may follow it."""
    llama.reset()
    llama.eval(tokens)
    logits = llama.scores[: len(tokens)].astype(numpy.float64)
    logits -= logits.max(axis=1, keepdims=True)
    return logits - numpy.log(numpy.exp(logits).sum(axis=1, keepdims=True))


def of_tokens(rows, tokens, start=1):
    return [float(rows[position - 1][tokens[position]]) for position in range(start, len(tokens))]


def likeliest(row, count):
    return [int(token) for token in numpy.argsort(-row)[:count]]


def read_items(name):
    return [json.loads(line) for line in (tasks / name).read_text().splitlines()]


def describe_text(llama, name, text):
    tokens = tokenize(llama, text)
    rows = log_probabilities(llama, tokens)
    return {
        "name": name,
        "text": text,
        "tokens": tokens,
        "log_probabilities": of_tokens(rows, tokens),
        "top_tokens": [likeliest(row, 5) for row in rows[:-1]],
        "top_log_probabilities": [[float(row[token]) for token in likeliest(row, 5)] for row in rows[:-1]],
    }


def describe_choices(llama, item):
    """Sums up the log-probabilities of each choice, and tests whether each of its tokens is the likeliest."""
    context = len(tokenize(llama, item["question"]))
    choices = []
    for choice in item["choices"]:
        tokens = tokenize(llama, f"{item['question']} {choice}")
        rows = log_probabilities(llama, tokens)
        choices.append(
            {
                "tokens": len(tokens) - context,
                "log_likelihood": sum(of_tokens(rows, tokens, context)),
                "greedy": all(int(rows[i - 1].argmax()) == tokens[i] for i in range(context, len(tokens))),
            }
        )
    return {"question": item["question"], "choices": choices}


def describe_generation(llama, item):
    """Generates greedily up to the end of the line. The margin is the smallest lead over the second likeliest token."""
    tokens = tokenize(llama, question_template().replace("{{question}}", item["question"]))
    answer = []
    margin = float("inf")
    while len(answer) < 24:
        row = log_probabilities(llama, tokens + answer)[-1]
        best, second = likeliest(row, 2)
        margin = min(margin, float(row[best] - row[second]))
        answer.append(best)
        if best == llama.token_eos() or b"\n" in llama.detokenize(answer):
            break
    text = llama.detokenize(answer).decode().split("\n")[0]
    return {"question": item["question"], "text": text, "margin": margin}


def question_template():
    """Reads the task's template. A double-quoted string of YAML is a string of JSON."""
    lines = (tasks / "local-generation.yaml").read_text().splitlines()
    return next(json.loads(line.partition(": ")[2]) for line in lines if line.startswith("doc_to_text: "))


def describe_rolling(llama, item):
    """Scores the whole text after the beginning-of-sequence token."""
    tokens = [llama.token_bos(), *tokenize(llama, item["text"])]
    return {
        "text": item["text"],
        "tokens": len(tokens) - 1,
        "log_likelihood": sum(of_tokens(log_probabilities(llama, tokens), tokens)),
    }


def difference(settings, texts):
    """Compares other settings: the differences of the log-probabilities of the tokens and of the likeliest tokens."""
    llama = load(settings)
    of_token = []
    of_top = []
    for text in texts:
        rows = log_probabilities(llama, text["tokens"])
        of_token += numpy.abs(numpy.subtract(of_tokens(rows, text["tokens"]), text["log_probabilities"])).tolist()
        for row, best, values in zip(rows, text["top_tokens"], text["top_log_probabilities"]):
            of_top += numpy.abs(row[best] - values).tolist()
    return {**settings, "largest": max(of_token), "mean": float(numpy.mean(of_token)), "largest_of_top": max(of_top)}


def has_amx():
    return "amx_int8" in Path("/proc/cpuinfo").read_text()


llama = load(chosen)
texts = [
    describe_text(llama, name, text)
    for name, text in json.loads((here / "texts.json").read_text()).items()
]
reference = {
    "made_by": {
        "package": f"llama-cpp-python {llama_cpp.__version__}",
        "python": platform.python_version(),
        "machine": platform.machine(),
        "model": model_path.name,
        "sha256": hashlib.sha256(model_path.read_bytes()).hexdigest(),
        "settings": chosen,
    },
    "differences": [difference(settings, texts) for settings in others],
    "texts": texts,
    "multiple_choice": [describe_choices(llama, item) for item in read_items("multiple-choice.jsonl")],
    "generation": [describe_generation(llama, item) for item in read_items("generation.jsonl")],
    "perplexity": [describe_rolling(llama, item) for item in read_items("perplexity.jsonl")],
}
rounded = json.loads(json.dumps(reference), parse_float=lambda digits: round(float(digits), 6))
name = "log-probabilities.amx.json" if has_amx() else "log-probabilities.json"
(here / name).write_text(json.dumps(rounded, ensure_ascii=False, indent=2) + "\n")
