// The cyclomatic complexity of functions as `fdk validate` counts it: one and each branch, loop, `&&`, `||`, `??`.
// ESLint's own rule counts `?.` and default values too since its version 9, which are no decisions that a reader follows.

const BRANCHES = [
  "ConditionalExpression", "DoWhileStatement", "ForInStatement", "ForOfStatement", "ForStatement", "IfStatement",
  "LogicalExpression", "SwitchCase[test]", "WhileStatement", "AssignmentExpression[operator=/^(&&|\\|\\||\\?\\?)=$/]",
]; // prettier-ignore
const FUNCTIONS = ["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"];

export default {
  meta: { type: "suggestion", schema: [{ type: "integer" }] },
  create(context) {
    const [most] = context.options;
    const open = [];
    const enter = () => open.push(1);
    const leave = (node) => {
      const count = open.pop();
      if (count > most) context.report({ node, message: `Complexity of ${count}. Maximum allowed is ${most}` });
    };
    const branch = () => {
      if (open.length) open[open.length - 1] += 1;
    };
    return {
      ...Object.fromEntries(BRANCHES.map((name) => [name, branch])),
      ...Object.fromEntries(FUNCTIONS.flatMap((name) => [[name, enter], [`${name}:exit`, leave]])), // prettier-ignore
    };
  },
};
