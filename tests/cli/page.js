// Run inside the page, which lies in a frame of another: says what is wrong with how it is laid out, as text in the outer page.
addEventListener("load", () => {
  const wrong = [];
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) {
    wrong.push(`the page is ${document.documentElement.scrollWidth} wide in a window of ${width}`);
  }
  const charts = [...document.querySelectorAll("svg")].filter((svg) => svg.getBoundingClientRect().width > 0);
  for (const svg of charts) {
    const name = svg.getAttribute("aria-label");
    const view = svg.viewBox.baseVal;
    if (svg.querySelectorAll(".mark").length === 0) wrong.push(`${name}: no data`);
    for (const mark of svg.querySelectorAll(".mark")) {
      const box = mark.getBBox();
      if (!(box.x >= -0.5 && box.y >= -0.5 && box.x + box.width <= view.width + 0.5 && box.y + box.height <= view.height + 0.5)) {
        wrong.push(`${name}: a mark is outside`);
      }
    }
    const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent !== "");
    const boxes = texts.map((text) => text.getBBox());
    boxes.forEach((box, nth) => {
      const text = texts[nth].textContent;
      if (box.x < -0.5 || box.y < -0.5 || box.x + box.width > view.width + 0.5 || box.y + box.height > view.height + 0.5) {
        wrong.push(`${name}: "${text}" leaves the chart`);
      }
      for (let other = 0; other < nth; other++) {
        const that = boxes[other];
        const across = Math.min(box.x + box.width, that.x + that.width) - Math.max(box.x, that.x);
        const down = Math.min(box.y + box.height, that.y + that.height) - Math.max(box.y, that.y);
        if (across > 1 && down > 3) wrong.push(`${name}: "${text}" lies on "${texts[other].textContent}"`);
      }
    });
    const shown = svg.getBoundingClientRect();
    const letters = (12 * shown.width) / view.width;
    if (letters < 10.5) wrong.push(`${name}: letters of ${letters.toFixed(1)} px`);
  }
  for (const element of document.querySelectorAll("p, li, h1, h2, h3, td, th, pre")) {
    if (element.closest(".scroll")) continue;
    if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0) {
      wrong.push(`<${element.tagName}> overflows: ${element.textContent.slice(0, 60)}`);
    }
  }
  for (const scroll of document.querySelectorAll(".scroll")) {
    if (scroll.scrollWidth > scroll.clientWidth + 1) {
      wrong.push(`a table is ${scroll.scrollWidth} wide in ${scroll.clientWidth}: ${scroll.textContent.trim().slice(0, 60)}`);
    }
  }
  const found = document.createElement("pre");
  found.id = "found";
  const theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  found.textContent = [`${innerWidth} px, ${theme}, ${charts.length} charts`, ...new Set(wrong)].join("\n");
  parent.document.body.append(found);
});
