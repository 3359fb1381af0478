"""An agent with two tools, in LangChain. The model chooses a tool, the program runs it, and the model goes on with the result.

pip install langchain-openai
"""

import os

from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

stock = {"lamp": 3, "chair": 0}


@tool
def count_stock(item: str) -> str:
    """Counts the pieces of an item in stock."""
    return f"{stock.get(item, 0)} pieces of {item} are in stock."


@tool
def order_item(item: str, pieces: int) -> str:
    """Orders more pieces of an item."""
    return f"{pieces} pieces of {item} are ordered."


tools = {each.name: each for each in (count_stock, order_item)}
model = ChatOpenAI(
    base_url=os.environ.get("BASE_URL", "http://127.0.0.1:8000/v1"),
    api_key=os.environ.get("API_KEY", "none"),
    model="any",
    max_tokens=60,
    temperature=0,
)

messages = [HumanMessage("How many lamps are in stock?")]
# The first step calls a tool. A larger model also decides by itself.
for choice in ("any", "none"):
    answer = model.bind_tools(tools.values(), tool_choice=choice, parallel_tool_calls=False).invoke(messages)
    messages.append(answer)
    for call in answer.tool_calls:
        print(f"call: {call['name']} {call['args']}")
        result = tools[call["name"]].invoke(call)
        print(f"result: {result.content}")
        messages.append(result)
print(messages[-1].text)
