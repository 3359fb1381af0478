"""Pydantic AI's model for chat completions, with each way to an output of a type, and with a tool."""

import asyncio

from pydantic_ai import Agent, NativeOutput, ToolOutput
from pydantic_ai.direct import model_request_sync
from pydantic_ai.messages import ModelRequest, ToolReturnPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.tools import ToolDefinition
from town import Town, question, weather_schema

outputs = {"default": Town, "tool": ToolOutput(Town, name="town", strict=True), "native": NativeOutput(Town)}
settings = {"temperature": 0, "max_tokens": 40}


def chat_model(base_url, model):
    return OpenAIChatModel(model, provider=OpenAIProvider(base_url=base_url, api_key="none"))


def pydantic_ai_output(base_url, model, way, stream):
    agent = Agent(chat_model(base_url, model), output_type=outputs[way], model_settings=settings)

    async def run():
        if not stream:
            return (await agent.run(question)).output
        async with agent.run_stream(question) as result:
            return await result.get_output()

    return asyncio.run(run()).model_dump()


def pydantic_ai_tool(base_url, model):
    """The parts of a call, and those of the answer to its result."""
    chat = chat_model(base_url, model)
    tool = ToolDefinition(
        name=weather_schema["name"],
        description=weather_schema["description"],
        parameters_json_schema=weather_schema["parameters"],
    )
    parameters = ModelRequestParameters(function_tools=[tool], allow_text_output=True)

    def request(history, tool_choice):
        return model_request_sync(
            chat,
            history,
            model_request_parameters=parameters,
            model_settings={**settings, "tool_choice": tool_choice, "parallel_tool_calls": False},
        )

    history = [ModelRequest.user_text_prompt(question)]
    called = request(history, "required")
    results = [ToolReturnPart(call.tool_name, "Sunny.", call.tool_call_id) for call in called.tool_calls]
    answered = request([*history, called, ModelRequest(parts=results)], "none")
    return {
        "calls": [[call.tool_name, call.args_as_dict()] for call in called.tool_calls],
        "text": answered.text,
    }
