"""Makes log-probabilities.json: what another build of llama.cpp, with other bindings, says about the default model.
On a processor with AMX, whose products llama.cpp rounds otherwise, it makes log-probabilities.amx.json.

    python3 -m venv reference && reference/bin/pip install llama-cpp-python==0.3.36 numpy==2.4.6
    reference/bin/python tests/clients/reference/make-reference.py models/store/*/SmolLM2-135M-Instruct.Q4_1.gguf

With AMX and a GCC before 13, pip takes CXXFLAGS="-include $PWD/bench/tile-config.h".

Log-probabilities are natural logarithms, of the raw logits. Those of a text begin at its second token.
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

#: How the figures are made, and the other ways that they are compared with.
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
    """One row for each token: the logarithms of what every token's probability is to come after it."""
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
    """The sum over a choice's tokens, for each choice, and whether every one of them is the likeliest there."""
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
    """The greedy answer up to a line's end, and how much likelier its tokens were than the next best, at least."""
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
    """The task's own; a double-quoted text of YAML is one of JSON."""
    lines = (tasks / "local-generation.yaml").read_text().splitlines()
    return next(json.loads(line.partition(": ")[2]) for line in lines if line.startswith("doc_to_text: "))


def describe_rolling(llama, item):
    """The whole text, after the token that texts begin with."""
    tokens = [llama.token_bos(), *tokenize(llama, item["text"])]
    return {
        "text": item["text"],
        "tokens": len(tokens) - 1,
        "log_likelihood": sum(of_tokens(log_probabilities(llama, tokens), tokens)),
    }


def difference(settings, texts):
    """The largest differences that other settings make, to the log-probability of a token and of a likeliest one."""
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
