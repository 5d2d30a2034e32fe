"use strict";
// What makes a sentence a riddle, and how to write it instead.
const { sentences, words } = require("../sentences.js");

const LONGEST = 40;
const RIDDLES = [
  [/\b(?:is|are|was|were|be|been|being) (?:asked|told)\b/, "say who asks or shows what: a machine is not asked or told"],
  [/\b(?:asked|told) (?:for|on|again)\b/, "say who requests or repeats what"],
  [/\b(?:who asks|what nobody|as ever|the very|turn about|to be had|in whatever way|all the same|held against|done without)\b/i,
    "use an everyday word"],
  [/\blearn(?:s|ed)? (?:of|an|its)\b/, "a machine detects, notices or receives"],
  [/\b([a-z]+) that \1\b|\bnone of them\b.*\bnone of them\b/, "do not say a word twice"],
  [/\bis what\b.*\bfor\b/, "turn it round: the subject does what"],
  [/\bmeasures? otherwise\b|\b(?:is|are) sure to have\b|\bunder way\b|\bthe way that is\b|\bis reached\b/, "use an everyday phrase"],
  [/\bwhatever happens to\b/, "say what may happen"],
  [/\bvouch/, "say which credentials count"],
  [/\bdoes not without\b/, "say what happens, and not what does not"],
  [/\b(?:please|simply|easily)\b/i, "leave it out"],
];
// Headings and cells of tables may be no sentences.
const OPENING = /^What (?!(?:[^.]|\.(?=\w))*\?)/;

module.exports = (context) => {
  const { Syntax, RuleError, getSource, report } = context;
  const judge = (node) => {
    for (const sentence of sentences(getSource(node))) {
      const count = words(sentence.text);
      if (node.type === Syntax.Paragraph && OPENING.test(sentence.text)) {
        report(node, new RuleError(`begin with the subject itself, and not with \`what\`: ${sentence.text}`, { index: sentence.index }));
      }
      if (count > LONGEST) report(node, new RuleError(`${count} words, at most ${LONGEST}: split it: ${sentence.text}`, { index: sentence.index }));
      for (const [riddle, advice] of RIDDLES) {
        if (riddle.test(sentence.text)) report(node, new RuleError(`${advice}: ${sentence.text}`, { index: sentence.index }));
      }
    }
  };
  return { [Syntax.Paragraph]: judge, [Syntax.Header]: judge, [Syntax.TableCell]: judge };
};
