"""Ollama's client and LangChain's ChatOllama. The arguments are the host of a real model, and of one that calls functions."""

import asyncio
import sys

import ollama
from calls import serve
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_ollama import ChatOllama

host, caller_host = sys.argv[1:]
client = ollama.Client(host)
caller = ollama.Client(caller_host)


def models():
    [listed] = client.list().models
    return {
        "listed": [listed.model],
        "running": [model.model for model in client.ps().models],
        "capabilities": client.show(listed.model).capabilities,
    }


def chat(**request):
    async def stream():
        return [part.message.content async for part in await ollama.AsyncClient(host).chat(**request, stream=True)]

    return {
        "whole": client.chat(**request).message.content,
        "pieces": [part.message.content for part in client.chat(**request, stream=True)],
        "asynchronous": asyncio.run(stream()),
    }


def generate(**request):
    return client.generate(**request).response


def embed(**request):
    return client.embed(**request).embeddings


def pull(**request):
    return client.pull(**request).status


def use_tool(messages, tools):
    first = caller.chat("fake-1b", messages=messages, tools=tools).message
    result = {"role": "tool", "content": "sunny", "tool_name": "weather"}
    second = caller.chat("fake-1b", messages=[*messages, first, result], tools=tools, think=True).message
    calls = [(call.function.name, call.function.arguments) for call in first.tool_calls]
    return {"calls": calls, "answer": second.content, "thinking": second.thinking}


def langchain_chat(settings, question):
    model = ChatOllama(base_url=host, **settings)
    answer = model.invoke(question)
    pieces = [part.content for part in model.stream(question)]
    return {"text": answer.content, "pieces": pieces, "usage": answer.usage_metadata}


def langchain_structured(settings, question, schema):
    titled = {"title": "Town", **schema}
    return ChatOllama(base_url=host, **settings).with_structured_output(titled).invoke(question)


def langchain_tool(question, tools):
    model = ChatOllama(base_url=caller_host, model="fake-1b", reasoning=True).bind_tools(tools)
    first = model.invoke(question)
    [call] = first.tool_calls
    result = ToolMessage("sunny", tool_call_id=call["id"])
    second = model.invoke([HumanMessage(question), first, result])
    return {
        "calls": [(call["name"], call["args"])],
        "answer": second.content,
        "thinking": second.additional_kwargs["reasoning_content"],
    }


serve(models, chat, generate, embed, pull, use_tool, langchain_chat, langchain_structured, langchain_tool)
