"""LangChain's classes for legacy completions and for chats. The arguments are a base URL and a key."""

import asyncio
import sys
from pathlib import Path

from calls import serve
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAI
from town import Town, question

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


@tool
def find(names: set[str], folder: Path, depth: int | None = None) -> str:
    """Finds files by name in a folder."""
    return f"{sorted(names)} are in {folder}."


def chat_model(settings):
    return ChatOpenAI(base_url=base_url, api_key=api_key, max_retries=0, **settings)


def chat_with_tool(settings):
    """A call of a tool, and a turn after its result whose messages have parts with ids."""
    chat = chat_model(settings)
    asked = [
        SystemMessage("Be brief.", id="system-1", additional_kwargs={"cache_control": {"type": "ephemeral"}}),
        HumanMessage([{"type": "text", "text": "Find a in /tmp.", "id": "part-1"}], name="user", id="human-1"),
    ]
    called = chat.bind_tools([find], tool_choice="any", parallel_tool_calls=False, strict=False).invoke(asked)
    call = called.tool_calls[0] if called.tool_calls else called.invalid_tool_calls[0]
    result = ToolMessage(
        [{"type": "text", "text": "/tmp/a", "id": "part-2"}], tool_call_id=call["id"], artifact={"a": 1}
    )
    answer = AIMessage([{"type": "text", "text": "It is /tmp/a.", "id": "part-3", "index": 0, "annotations": []}])
    chunks = list(chat.bind_tools([find]).stream([*asked, called, result, answer, HumanMessage("Thanks.")]))
    return {"tool": call["name"], "text": "".join(chunk.text for chunk in chunks)}


def chat_output(settings, method):
    structured = chat_model(settings).with_structured_output(Town, method=method)
    return structured.invoke(question).model_dump()


serve(invoke, generate, batch, batch_at_once, stream, chat_with_tool, chat_output)
