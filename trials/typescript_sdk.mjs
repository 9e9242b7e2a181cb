// A loop on the official TypeScript SDK's tool runner.
import { execSync } from "node:child_process";
import Anthropic from "@anthropic-ai/sdk";

const [model, prompt] = process.argv.slice(2);
const run = {
  type: "custom",
  name: "run",
  description: "Run a command.",
  input_schema: { type: "object", properties: { command: { type: "string" } }, required: ["command"] },
  parse: (input) => input,
  run: ({ command }) => execSync(command, { encoding: "utf8" }),
};
const runner = new Anthropic().beta.messages.toolRunner({
  model,
  max_tokens: 1024,
  tools: [run],
  messages: [{ role: "user", content: prompt }],
});
for await (const message of runner) {
  console.log(...message.content.filter((block) => block.type === "text").map((block) => block.text));
}
