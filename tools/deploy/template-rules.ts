// Checks the template's rules about combinations of parameters. CloudFormation would check them only after the build.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html
import { isMap, isScalar, isSeq, type Node, parseDocument, type YAMLMap } from 'yaml';
import { DeployError } from './errors.ts';
import type { ParameterValues } from './template-parameters.ts';

/**
 * Checks values against the `Rules` of a YAML template.
 *
 * @throws {DeployError} `unusable-parameter`, with the description of the first failed assertion
 * @throws {Error} when a rule uses an intrinsic function that is not supported here
 */
export function checkRules(template: string, values: ParameterValues): void {
  const rules = parseDocument(template).get('Rules');
  if (!isMap(rules)) return;
  for (const { value: rule } of rules.items) {
    if (!isMap(rule)) continue;
    const condition = nodeOf(rule, 'RuleCondition');
    if (condition !== undefined && evaluate(condition, values) !== true) continue;
    const assertions = nodeOf(rule, 'Assertions');
    for (const assertion of isSeq(assertions) ? assertions.items : []) {
      if (!isMap(assertion) || evaluate(nodeOf(assertion, 'Assert'), values) === true) continue;
      throw new DeployError('unusable-parameter', String(assertion.get('AssertDescription')));
    }
  }
}

function nodeOf(map: YAMLMap, key: string): Node | undefined {
  return map.get(key, true) as Node | undefined;
}

/** Evaluates an expression in CloudFormation's short form. */
function evaluate(node: unknown, values: ParameterValues): string | boolean {
  if (isScalar(node)) return node.tag === '!Ref' ? (values[String(node.value)] ?? '') : String(node.value);
  const operands = isSeq(node) ? node.items.map((item) => evaluate(item, values)) : [];
  switch (isSeq(node) && node.tag) {
    case '!Equals':
      return operands[0] === operands[1];
    case '!Not':
      return operands[0] !== true;
    case '!And':
      return operands.every((operand) => operand === true);
    case '!Or':
      return operands.includes(true);
    default:
      throw new Error(`A rule of the template uses an unsupported expression: ${String(node)}`);
  }
}
