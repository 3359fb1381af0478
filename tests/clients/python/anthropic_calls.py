"""Anthropic's client, and LiteLLM's route to it. The two arguments are the server's origin and its key."""

import asyncio
import sys

import anthropic
import litellm
from calls import serve

origin, api_key = sys.argv[1:]
# It prints hints, and the standard output is for answers.
litellm.suppress_debug_info = True
client = anthropic.Anthropic(base_url=origin, api_key=api_key, max_retries=0)


def models():
    return [model.id for model in client.models.list()]


def message(**arguments):
    return client.messages.create(**arguments).to_dict()


def message_stream(**arguments):
    """Returns the types of the events, the pieces of the text, and the message that the client makes of them."""
    with client.messages.stream(**arguments) as stream:
        events = [event for event in stream]
        return {
            "types": [event.type for event in events],
            "texts": [event.text for event in events if event.type == "text"],
            "message": stream.get_final_message().to_dict(),
        }


def messages_at_once(requests):
    async def create_all():
        async with anthropic.AsyncAnthropic(base_url=origin, api_key=api_key, max_retries=0) as asynchronous:
            return await asyncio.gather(*(asynchronous.messages.create(**request) for request in requests))

    return [answer.to_dict() for answer in asyncio.run(create_all())]


def count_tokens(**arguments):
    return client.messages.count_tokens(**arguments).input_tokens


def message_with_tool(tool_answer, **arguments):
    """Returns the message of a streamed tool call, and the answer to the result of the tool."""
    with client.messages.stream(**arguments) as stream:
        called = stream.get_final_message()
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": tool_answer}
        for block in called.content
        if block.type == "tool_use"
    ]
    messages = [
        *arguments["messages"],
        {"role": "assistant", "content": called.content},
        {"role": "user", "content": results},
    ]
    answer = message(**{**arguments, "messages": messages, "tool_choice": {"type": "none"}})
    return {"message": called.to_dict(), "answer": answer}


def litellm_chat(model, **arguments):
    """Returns a chat of LiteLLM, whole and streamed, by its translation to Anthropic's API."""
    settings = {"model": f"anthropic/{model}", "api_base": origin, "api_key": api_key, "num_retries": 0}
    whole = litellm.completion(**settings, **arguments)
    chunks = list(litellm.completion(**settings, **arguments, stream=True, stream_options={"include_usage": True}))
    streamed = litellm.stream_chunk_builder(chunks, messages=arguments["messages"])
    return [whole.model_dump(mode="json"), streamed.model_dump(mode="json")]


def litellm_chat_with_tool(model, tool_answer, **arguments):
    settings = {"model": f"anthropic/{model}", "api_base": origin, "api_key": api_key, "num_retries": 0}
    called = litellm.completion(**settings, **arguments).choices[0].message
    results = [{"role": "tool", "tool_call_id": call.id, "content": tool_answer} for call in called.tool_calls]
    messages = [*arguments["messages"], called, *results]
    answer = litellm.completion(**settings, **{**arguments, "messages": messages, "tool_choice": "none"})
    return {"message": called.model_dump(mode="json"), "answer": answer.model_dump(mode="json")}


def litellm_messages(model, **arguments):
    """Returns a message by LiteLLM's own copy of Anthropic's API."""
    settings = {"model": f"anthropic/{model}", "api_base": origin, "api_key": api_key}
    return asyncio.run(litellm.anthropic.messages.acreate(**settings, **arguments))


serve(
    models,
    message,
    message_stream,
    messages_at_once,
    count_tokens,
    message_with_tool,
    litellm_chat,
    litellm_chat_with_tool,
    litellm_messages,
)
