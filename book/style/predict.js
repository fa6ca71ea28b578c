// A guess before the number: the answer opens when the reader has committed to one. Nothing is sent or kept.
"use strict";
for (const [number, answer] of document.querySelectorAll(".rt-predict-answer").entries()) {
  const form = document.createElement("form"), label = document.createElement("label"), said = document.createElement("output");
  const guess = document.createElement("input"), button = document.createElement("button");
  guess.id = `rt-guess-${number}`;
  guess.required = true;
  guess.autocomplete = "off";
  label.htmlFor = guess.id;
  label.textContent = "Your guess";
  button.textContent = "Commit, and look";
  form.append(label, guess, button, said);
  answer.before(form);
  answer.hidden = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!guess.value.trim()) return;
    guess.readOnly = true;
    button.hidden = true;
    answer.hidden = false;
    answer.open = true;
    said.textContent = `You guessed ${guess.value.trim()}.`;
    answer.querySelector("summary").focus();
  });
  addEventListener("beforeprint", () => { answer.hidden = false; });
}
