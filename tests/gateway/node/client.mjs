// The official Node client against a gateway: prints one JSON object of what it saw.
//   node client.mjs <base URL>
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "sk-caller", maxRetries: 0 });
const asked = (prompt) => ({ model: "gpt-4o-mini", messages: [{ role: "user", content: prompt }] });
const status = (response) => response.headers.get("x-cache-status");

async function whole(prompt) {
  const { data, response } = await client.chat.completions.create(asked(prompt)).withResponse();
  const evidence = data.x_semcache;
  return { status: status(response), text: data.choices[0].message.content, hit: evidence.cache_hit };
}

async function streamed(prompt) {
  const wanted = { ...asked(prompt), stream: true, stream_options: { include_usage: true } };
  const { data, response } = await client.chat.completions.create(wanted).withResponse();
  let text = "";
  let usage = null;
  let finish = null;
  for await (const chunk of data) {
    text += chunk.choices[0]?.delta?.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
    usage = chunk.usage ?? usage;
  }
  return { status: status(response), text, finish, tokens: usage?.total_tokens ?? null };
}

async function tools() {
  const runner = client.chat.completions.stream(asked("call a tool"));
  const message = await runner.finalMessage();
  return message.tool_calls?.map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
}

async function embedded(input) {
  const wanted = { model: "text-embedding-3-small", input };
  const { data, response } = await client.embeddings.create(wanted).withResponse();
  return { status: status(response), vectors: data.data.map((one) => Array.from(one.embedding)) };
}

async function responded(prompt) {
  const wanted = { model: "gpt-4o-mini", input: prompt };
  const answer = await client.responses.create(wanted);
  const kinds = [];
  for await (const event of await client.responses.create({ ...wanted, stream: true })) kinds.push(event.type);
  return { text: answer.output_text, first: kinds[0], last: kinds.at(-1) };
}

async function refused(work) {
  try {
    await work();
    return null;
  } catch (error) {
    return { name: error.constructor.name, status: error.status, code: error.code ?? null, message: error.message };
  }
}

const seen = {
  whole: [await whole("node asks"), await whole("node asks")],
  streamed: [await streamed("node streams"), await streamed("node streams"), await whole("node streams")],
  embedded: [await embedded(["a", "b", "a"]), await embedded(["b", "a"])],
  responded: await responded("node responds"),
  models: (await client.models.list()).data.map((model) => model.id),
  tools: [await tools(), await tools()],
  refused: await refused(() => whole("refuse this")),
  cut: await refused(() => streamed("cut this off")),
};
console.log(JSON.stringify(seen));
