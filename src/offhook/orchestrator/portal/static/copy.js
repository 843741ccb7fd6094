// Buttons that copy what stands beside them. What they say afterwards stands in the page.
for (const one of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  one.hidden = false;
  one.addEventListener("click", async () => {
    await navigator.clipboard.writeText(one.parentElement.querySelector("code").textContent);
    one.querySelector("span").textContent = one.dataset.done;
  });
}
