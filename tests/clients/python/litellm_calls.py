"""LiteLLM: a chat of three turns, each with the messages that LiteLLM made of the answers before."""

import litellm

from town import messages, weather_schema


def litellm_turns(base_url, model, stream):
    settings = {
        "model": f"openai/{model}",
        "api_base": base_url,
        "api_key": "none",
        "temperature": 0,
        "max_tokens": 30,
        "max_retries": 0,
        "tools": [{"type": "function", "function": weather_schema}],
    }
    first = litellm.completion(
        messages=messages, tool_choice="required", parallel_tool_calls=False, stream=stream, **settings
    )
    if stream:
        first = litellm.stream_chunk_builder(list(first), messages=messages)
    message = first.choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "name": call.function.name, "content": "Sunny."}
        for call in message.tool_calls
    ]
    # As a store of conversations keeps a message: with its nulls and LiteLLM's own fields.
    kept = {**message.model_dump(), "provider_specific_fields": {"refusal": None, "citations": [[]]}}
    second = litellm.completion(messages=[*messages, kept, *results], tool_choice="none", **settings)
    answer = second.choices[0].message
    third = litellm.completion(messages=[*messages, message, *results, answer, *messages], **settings)
    return [answer.model_dump(mode="json") for answer in (first, second, third)]
