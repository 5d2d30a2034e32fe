"use strict";
// The sentences of a piece of Markdown, without its marks: what stands as code is one word.

const END = /(?<=[.!?]["”)*]*)\s+(?=[A-Z`[*"“(]|faultgate\b)/g;

exports.sentences = (source) => {
  const found = [];
  let from = 0;
  for (const { index, 0: blank } of [...source.matchAll(END), { index: source.length, 0: "" }]) {
    const text = source
      .slice(from, index)
      .replace(/\s+/g, " ")
      .replace(/^[#|* ]+|[#|* ]+$/g, "")
      .replace(/`[^`]*`/g, "`code`")
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
    found.push({ index: from, text });
    from = index + blank.length;
  }
  return found;
};

exports.words = (text) => text.split(/\s+/).filter((word) => /\w/.test(word)).length;
