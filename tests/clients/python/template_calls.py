"""Jinja's own engine, set up as transformers sets it up for chat templates."""

import json
from datetime import datetime

from calls import serve
from jinja2 import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    """{% generation %}, which marks the answers of the assistant."""

    tags = {"generation"}

    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(["name:endgeneration"], drop_needle=True)


def raise_exception(message):
    raise TemplateError(message)


def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


environment = ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
)
environment.filters["tojson"] = to_json
environment.globals["raise_exception"] = raise_exception
environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)


def render(template, conversations):
    """Returns a prompt for each conversation, or None for one that the template rejects."""
    try:
        compiled = environment.from_string(template)
    except TemplateError:
        return [None] * len(conversations)
    tokens = {"bos_token": "<s>", "eos_token": "</s>", "documents": None}
    prompts = []
    for variables in conversations:
        try:
            prompts.append(compiled.render(add_generation_prompt=True, **tokens, **variables))
        except Exception:
            prompts.append(None)
    return prompts


serve(render)
