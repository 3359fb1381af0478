"""OpenAI's client, openai-agents and pydantic-ai, which speak Responses. The two arguments are a base URL and a key."""

import asyncio
import os
import sys
from typing import Literal

base_url, api_key = sys.argv[1:]
os.environ |= {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": api_key}

import agents
import pydantic_ai
from calls import serve
from openai import NotFoundError, OpenAI
from openai.types.responses import ResponseFunctionToolCall
from pydantic import BaseModel

client = OpenAI(max_retries=0)
agents.set_tracing_disabled(True)

# The clients keep their connections, which belong to one event loop.
loop = asyncio.new_event_loop()


class City(BaseModel):
    city: Literal["Paris", "Rome"]


def create(**arguments):
    return client.responses.create(**arguments).to_dict()


def stream(**arguments):
    """Returns the response that the client accumulates, and the types of its events."""
    with client.responses.stream(**arguments) as events:
        types = [event.type for event in events]
        return {"types": types, "response": events.get_final_response().to_dict()}


def parse(**arguments):
    return client.responses.parse(**arguments, text_format=City).output_parsed.model_dump()


def stream_with_tool(tool_output, **arguments):
    """Returns the streamed call, and the text that answers its output."""
    tool = {"type": "function", "name": "weather", "parameters": City.model_json_schema(), "strict": True}
    with client.responses.stream(**arguments, tools=[tool], tool_choice="required") as events:
        response = events.get_final_response()
    calls = [item for item in response.output if isinstance(item, ResponseFunctionToolCall)]
    outputs = [
        {"type": "function_call_output", "call_id": call.call_id, "output": tool_output} for call in calls
    ]
    arguments["input"] = [{"role": "user", "content": arguments["input"]}, *response.output, *outputs]
    answer = client.responses.create(**arguments, tools=[tool], tool_choice="none")
    return {"calls": [call.to_dict() for call in calls], "text": answer.output_text}


def stored_turns(**arguments):
    """Goes on from a stored response, streams the next turn, and deletes what was stored."""
    first = client.responses.create(**arguments)
    arguments["input"] = "And 3+3?"
    with client.responses.stream(**arguments, previous_response_id=first.id) as events:
        second = events.get_final_response()
    items = list(client.responses.input_items.list(second.id, order="asc", limit=1))
    retrieved = client.responses.retrieve(second.id)
    client.responses.delete(second.id)
    try:
        client.responses.retrieve(second.id)
        deleted = False
    except NotFoundError:
        deleted = True
    return {
        "first": first.to_dict(),
        "second": second.to_dict(),
        "retrieved": retrieved.to_dict(),
        "items": [item.to_dict() for item in items],
        "deleted": deleted,
    }


def agents_stored(model, questions):
    """Runs an agent that goes on from the last response. Returns what is stored of each turn."""
    settings = agents.ModelSettings(temperature=0, max_tokens=20, store=True)
    agent = agents.Agent(name="Guide", model=model, model_settings=settings)

    async def run():
        ids, previous = [], None
        for question in questions:
            result = await agents.Runner.run(agent, question, previous_response_id=previous)
            previous = result.last_response_id
            ids.append(previous)
        return ids

    return [client.responses.retrieve(each).to_dict() for each in loop.run_until_complete(run())]


def pydantic_stored(model, questions):
    """Runs an agent that goes on from the stored responses of its history. Returns what is stored of each turn."""
    settings = {"temperature": 0, "max_tokens": 20, "openai_previous_response_id": "auto", "openai_store": True}
    agent = pydantic_ai.Agent(f"openai:{model}", model_settings=settings)

    async def run():
        ids, history = [], []
        for question in questions:
            result = await agent.run(question, message_history=history)
            history = result.all_messages()
            ids.append(result.response.provider_response_id)
        return ids

    return [client.responses.retrieve(each).to_dict() for each in loop.run_until_complete(run())]


def agents_run(model, question, streamed):
    """Runs an agent with a tool. Returns its answer and what the tool was asked for."""
    asked = []

    @agents.function_tool
    def weather(city: Literal["Paris", "Rome"]) -> str:
        """Tells the weather."""
        asked.append(city)
        return "Sunny."

    agent = agents.Agent(
        name="Guide",
        instructions="Answer with one sentence.",
        model=model,
        tools=[weather],
        model_settings=agents.ModelSettings(
            temperature=0, max_tokens=60, tool_choice="required", parallel_tool_calls=False
        ),
    )

    async def run():
        if not streamed:
            return (await agents.Runner.run(agent, question)).final_output
        result = agents.Runner.run_streamed(agent, question)
        async for _ in result.stream_events():
            pass
        return result.final_output

    return {"output": loop.run_until_complete(run()), "asked": asked}


def agents_output(model, question):
    """Runs an agent whose answer has a type."""
    settings = agents.ModelSettings(temperature=0, max_tokens=60)
    agent = agents.Agent(name="Guide", model=model, output_type=City, model_settings=settings)
    return loop.run_until_complete(agents.Runner.run(agent, question)).final_output.model_dump()


def to_pydantic_agent(model, **options):
    settings = {"temperature": 0, "max_tokens": 60, "parallel_tool_calls": False}
    return pydantic_ai.Agent(f"openai:{model}", model_settings=settings, **options)


def pydantic_kind(model):
    return type(to_pydantic_agent(model).model).__name__


def pydantic_text(model, question):
    """Returns an answer, the same answer in pieces, and its usage."""
    agent = to_pydantic_agent(model, instructions="Answer with one sentence.")

    async def pieces():
        async with agent.run_stream(question) as result:
            return [piece async for piece in result.stream_text(delta=True, debounce_by=None)]

    async def run():
        whole = await agent.run(question)
        again = await agent.run("And 3+3?", message_history=whole.all_messages())
        return {
            "output": whole.output,
            "pieces": await pieces(),
            "again": again.output,
            "output_tokens": whole.usage.output_tokens,
        }

    return loop.run_until_complete(run())


def pydantic_output(model, question, native):
    """Runs an agent whose answer has a type, by a schema for the text or by a tool."""
    output_type = pydantic_ai.NativeOutput(City) if native else City
    agent = to_pydantic_agent(model, output_type=output_type)
    return loop.run_until_complete(agent.run(question)).output.model_dump()


serve(
    create,
    stream,
    parse,
    stream_with_tool,
    stored_turns,
    agents_stored,
    pydantic_stored,
    agents_run,
    agents_output,
    pydantic_kind,
    pydantic_text,
    pydantic_output,
)
