"""LangChain's class for legacy completions. The arguments are a base URL and a key."""

import asyncio
import sys

from calls import serve
from langchain_openai import OpenAI

base_url, api_key = sys.argv[1:]


def language_model(settings):
    return OpenAI(base_url=base_url, api_key=api_key, max_retries=0, **settings)


def invoke(settings, prompt):
    return language_model(settings).invoke(prompt)


def generate(settings, prompts, stop=None):
    return language_model(settings).generate(prompts, stop=stop).model_dump(mode="json")


def batch(settings, prompts):
    return language_model(settings).batch(prompts)


def batch_at_once(settings, prompts, concurrency):
    """Sends one request for each prompt, `concurrency` of them at once."""
    one_by_one = language_model({**settings, "batch_size": 1})
    return asyncio.run(one_by_one.abatch(prompts, config={"max_concurrency": concurrency}))


def stream(settings, prompt):
    return list(language_model(settings).stream(prompt))


serve(invoke, generate, batch, batch_at_once, stream)
