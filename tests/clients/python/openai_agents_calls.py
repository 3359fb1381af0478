"""OpenAI's agents, with their model for chat completions."""

import asyncio

from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, Runner, function_tool
from openai import AsyncOpenAI
from town import Town, question, weather


def openai_agents(base_url, model, stream):
    """Calls a tool and answers with its result; then gives an output of a type."""

    async def run_all():
        client = AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0)
        chat = OpenAIChatCompletionsModel(model=model, openai_client=client)
        settings = {"temperature": 0, "max_tokens": 30, "include_usage": True}
        called = Agent(
            name="Guide",
            instructions="Be brief.",
            model=chat,
            tools=[function_tool(weather)],
            model_settings=ModelSettings(tool_choice="required", parallel_tool_calls=False, **settings),
        )
        typed = Agent(name="Guide", model=chat, output_type=Town, model_settings=ModelSettings(**settings))
        return [await run(agent) for agent in (called, typed)]

    async def run(agent):
        if not stream:
            return await Runner.run(agent, question, max_turns=2)
        result = Runner.run_streamed(agent, question, max_turns=2)
        async for _ in result.stream_events():
            pass
        return result

    called, typed = asyncio.run(run_all())
    return {
        "items": [item.type for item in called.new_items],
        "answer": called.final_output,
        "output": typed.final_output.model_dump(),
    }
