"""OpenAI's client. The two arguments are its base URL and its key."""

import asyncio
import sys

from calls import serve
from openai import AsyncOpenAI, OpenAI

base_url, api_key = sys.argv[1:]
client = OpenAI(base_url=base_url, api_key=api_key, max_retries=0)


def models():
    return [model.id for model in client.models.list()]


def completion(**arguments):
    return client.completions.create(**arguments).to_dict()


def completion_stream(**arguments):
    with client.completions.create(**arguments, stream=True) as chunks:
        return [chunk.to_dict() for chunk in chunks]


def completions_at_once(requests):
    async def create_all():
        async with AsyncOpenAI(base_url=base_url, api_key=api_key, max_retries=0) as asynchronous:
            return await asyncio.gather(*(asynchronous.completions.create(**request) for request in requests))

    return [answer.to_dict() for answer in asyncio.run(create_all())]


def chat(**arguments):
    return client.chat.completions.create(**arguments).to_dict()


def chat_stream(**arguments):
    with client.chat.completions.create(**arguments, stream=True) as chunks:
        return [chunk.to_dict() for chunk in chunks]


def chat_with_tool(tool_answer, **arguments):
    """Returns the message of a streamed tool call, and the answer to the result of the tool."""
    with client.chat.completions.stream(**arguments) as stream:
        message = stream.get_final_completion().choices[0].message
    answers = [
        {"role": "tool", "tool_call_id": call.id, "content": tool_answer} for call in message.tool_calls or []
    ]
    messages = [*arguments["messages"], message, *answers]
    return {
        "message": message.to_dict(),
        "answer": chat(**{**arguments, "messages": messages, "tool_choice": "none"}),
    }


def decisions(**arguments):
    return client.decisions.create(**arguments).to_dict()


serve(models, completion, completion_stream, completions_at_once, chat, chat_stream, chat_with_tool, decisions)
