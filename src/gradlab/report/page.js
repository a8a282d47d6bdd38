"use strict";
// Runs in <head>, so that a stored theme is set before anything is painted. Figures are drawn when
// they come near the window, and all of them once the page is idle or goes to print. The number
// drawn stands in <html data-figures="drawn/total">.
(() => {
  const root = document.documentElement;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];

  // ---- Theme ---------------------------------------------------------------------------------
  const THEMES = ["auto", "light", "dark"];
  const KEY = "gradlab-theme";
  let theme = "auto";
  try { theme = localStorage.getItem(KEY) || "auto"; } catch { /* storage may be forbidden */ }
  if (!THEMES.includes(theme)) theme = "auto";
  setTheme(theme);

  function setTheme(name) {
    if (name === "auto") delete root.dataset.theme;
    else root.dataset.theme = name;
  }

  function labelTheme(button) {
    button.textContent = `Theme: ${theme}`;
    button.setAttribute("aria-label", `Colour theme: ${theme}. Press to change.`);
  }

  function nextTheme(button) {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    try { localStorage.setItem(KEY, theme); } catch { /* then it lasts as long as the page */ }
    setTheme(theme);
    labelTheme(button);
    repaint();
  }

  // ---- Colours and marks ---------------------------------------------------------------------
  const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "cross", "triangle-down", "star",
    "hexagon"];
  const N_COLOURS = 8;
  let colours = {};

  // light-dark() has a value only where a property uses it: read it off an element.
  function readColours() {
    const probe = document.body.appendChild(document.createElement("span"));
    const read = (name) => {
      probe.style.color = `var(--${name})`;
      return getComputedStyle(probe).color;
    };
    colours = {};
    for (const name of ["paper", "raised", "ink", "muted", "hair", "accent"]) {
      colours[name] = read(name);
    }
    colours.levels = Array.from({ length: N_COLOURS }, (_, i) => read(`c${i}`));
    probe.remove();
  }

  const fade = (colour, alpha) => colour.replace("rgb(", "rgba(").replace(")", `, ${alpha})`);
  const levelColour = (i) => colours.levels[i % N_COLOURS];

  // The dash is the one of the swatch in the legend.
  function dashOf(axis, level) {
    const line = axis.querySelector(`.legend [data-level="${level}"] line`);
    const dash = line && line.getAttribute("stroke-dasharray");
    return dash ? dash.split(" ").map((n) => `${n}px`).join(" ") : "solid";
  }

  function isMarked(axis, level) {
    return level === Number(axis.dataset.leader) || level === Number(axis.dataset.base);
  }

  function paintTrace(axis, trace) {
    const { level, role } = trace.meta;
    const colour = level < 0 ? colours.ink : levelColour(level);
    const symbol = SYMBOLS[(level + Math.floor(level / N_COLOURS)) % SYMBOLS.length];
    const styles = {
      line: () => ({
        line: { color: colour, dash: dashOf(axis, level), width: isMarked(axis, level) ? 2.6 : 1.5 },
        marker: { color: colour, size: 5 },
      }),
      band: () => ({ fillcolor: fade(colour, 0.17), line: { width: 0 } }),
      runs: () => ({ marker: { color: colour, size: 5.5, opacity: 0.38, symbol } }),
      mean: () => ({
        marker: { color: colour, size: 12, symbol, line: { color: colours.paper, width: 1.5 } },
      }),
      rank: () => ({
        line: { color: colour, width: isMarked(axis, level) ? 2.4 : 1.4 },
        marker: { color: colour, size: [8, 0, 0] },
        textfont: { color: colours.ink, size: 12 },
      }),
      ink: () => ({ line: { color: colours.muted, width: 1.2 } }),
      label: () => ({ textfont: { color: colours.muted, size: 11 } }),
      clique: () => ({ line: { color: colours.ink, width: 4.5 } }),
      bar: () => ({ marker: { color: colours.accent }, textfont: { color: colours.ink } }),
    };
    return { ...trace, ...styles[role]() };
  }

  function paintLayout(spec, width) {
    const axis = {
      gridcolor: colours.hair, linecolor: colours.muted, tickcolor: colours.muted,
      zeroline: false, title: { standoff: 6 },
    };
    const own = spec.layout;
    const touch = matchMedia("(pointer: coarse)").matches;
    return {
      autosize: width === undefined,
      ...(width === undefined ? {} : { width }),
      height: spec.height,
      showlegend: false,
      hovermode: "closest",
      // A finger on a figure scrolls the page.
      dragmode: touch ? false : "zoom",
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colours.muted, activecolor: colours.ink },
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colours.muted },
      hoverlabel: {
        bgcolor: colours.raised, bordercolor: colours.hair, font: { color: colours.ink },
        align: "left", namelength: -1,
      },
      ...own,
      margin: { l: 10, r: 12, t: 8, b: 42, ...own.margin },
      xaxis: { ...axis, ...own.xaxis, title: { ...axis.title, ...(own.xaxis || {}).title } },
      yaxis: { ...axis, ...own.yaxis },
    };
  }

  // A figure of a library paints itself, in colours that read on both papers; only its words and
  // lines take the ink of the page. GREY is what gradlab.plots.theme writes them in.
  const GREY = '"#767676"';

  function plainParts(plot, width) {
    const ink = JSON.stringify(colours.muted);
    const spec = JSON.parse(plot.nextElementSibling.textContent.replaceAll(GREY, ink));
    const own = spec.layout;
    for (const name of Object.keys(own).filter((key) => /^[xy]axis\d*$/.test(key))) {
      own[name] = { ...own[name], gridcolor: colours.hair, linecolor: colours.muted };
    }
    const page = paintLayout({ layout: {}, height: spec.height }, width);
    const { xaxis, yaxis, showlegend, ...shared } = page;
    return [spec.data, {
      ...own,
      ...shared,
      margin: { ...shared.margin, ...own.margin },
      hovermode: own.hovermode || "closest",
    }];
  }

  // ---- Drawing -------------------------------------------------------------------------------
  const CONFIG = {
    responsive: true,
    displayModeBar: matchMedia("(hover: hover)").matches ? "hover" : false,
    displaylogo: false,
    modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
    toImageButtonOptions: { format: "svg" },
  };
  const axisOf = (plot) => plot.closest("[data-leader]") || document.body;
  const specs = new Map();
  let plots = [];
  let drawn = 0;

  function parts(plot, width) {
    const spec = specs.get(plot);
    if (spec.plain) return plainParts(plot, width);
    return [spec.data.map((trace) => paintTrace(axisOf(plot), trace)), paintLayout(spec, width)];
  }

  function draw(plot) {
    if (specs.has(plot)) return;
    specs.set(plot, null);
    try {
      specs.set(plot, JSON.parse(plot.nextElementSibling.textContent));
      const config = {
        ...CONFIG,
        toImageButtonOptions: { ...CONFIG.toImageButtonOptions, filename: plot.id },
      };
      if (specs.get(plot).plain) delete config.modeBarButtons;
      const { frames } = specs.get(plot);
      const moving = (shown) => (frames ? Plotly.addFrames(shown, frames) : shown);
      Plotly.newPlot(plot, ...parts(plot), config).then(moving).then(() => {
        drawn += 1;
        root.dataset.figures = `${drawn}/${plots.length}`;
        if (specs.get(plot).plain) return;
        const axis = axisOf(plot);
        plot.on("plotly_afterplot", () => emphasise(axis, plot));
        plot.on("plotly_hover", (event) => hover(axis, event.points[0].data.meta.level));
        plot.on("plotly_unhover", () => hover(axis, null));
        emphasise(axis, plot);
      }).catch((error) => fail(plot, error));
    } catch (error) {
      fail(plot, error);
    }
  }

  function fail(plot, error) {
    specs.delete(plot);
    plots = plots.filter((other) => other !== plot).concat(plot);
    plot.innerHTML = '<p class="failed">This figure could not be drawn; its data are below.</p>';
    plot.style.height = "auto";
    console.error(`Figure ${plot.id} was not drawn:`, error);
    specs.set(plot, null);
  }

  function repaint(widthOf = () => undefined) {
    readColours();
    for (const plot of plots) {
      if (specs.get(plot)) Plotly.react(plot, ...parts(plot, widthOf(plot)));
    }
  }

  function drawWhenIdle() {
    const later = window.requestIdleCallback || ((next) => setTimeout(next, 60));
    const next = () => {
      const plot = plots.find((candidate) => !specs.has(candidate));
      if (!plot) return;
      draw(plot);
      later(next);
    };
    later(next);
  }

  // ---- Highlight: one level stands out in every figure of its axis ----------------------------
  const FEW = 4; // so many bands can lie over each other and still be read
  const states = new Map();

  function stateOf(axis) {
    if (!states.has(axis)) states.set(axis, { hovered: null, pinned: new Set() });
    return states.get(axis);
  }

  // Plotly binds the trace to its SVG group; a class there costs nothing, a redraw would flicker.
  function emphasise(axis, plot) {
    const { hovered, pinned } = stateOf(axis);
    const chosen = new Set(pinned);
    if (hovered !== null && hovered >= 0) chosen.add(hovered);
    const few = Number(axis.dataset.levels) <= FEW;
    for (const group of all(".scatterlayer .trace", plot)) {
      const bound = group.__data__ && group.__data__[0] && group.__data__[0].trace;
      if (!bound || !bound.meta) continue;
      const { level, role } = bound.meta;
      const on = chosen.has(level);
      group.classList.toggle("lit", on);
      group.classList.toggle("dim", chosen.size > 0 && level >= 0 && !on);
      group.classList.toggle("resting", role === "band" && !few && !on && !isMarked(axis, level));
    }
  }

  function emphasiseAll(axis) {
    for (const plot of all(".plot", axis)) if (specs.get(plot)) emphasise(axis, plot);
  }

  function hover(axis, level) {
    const state = stateOf(axis);
    if (state.hovered === level) return;
    state.hovered = level;
    emphasiseAll(axis);
  }

  function wireLegend(legend) {
    const axis = axisOf(legend);
    for (const chip of all("button", legend)) {
      const level = Number(chip.dataset.level);
      chip.addEventListener("pointerenter", () => hover(axis, level));
      chip.addEventListener("pointerleave", () => hover(axis, null));
      chip.addEventListener("focus", () => chip.matches(":focus-visible") && hover(axis, level));
      chip.addEventListener("blur", () => hover(axis, null));
      chip.addEventListener("click", () => {
        const { pinned } = stateOf(axis);
        if (!pinned.delete(level)) pinned.add(level);
        chip.setAttribute("aria-pressed", String(pinned.has(level)));
        legend.classList.toggle("pinned", pinned.size > 0);
        emphasiseAll(axis);
      });
    }
  }

  // ---- Copy and save -------------------------------------------------------------------------
  // A spreadsheet runs a text that begins like a formula; an apostrophe keeps it text.
  function csvCell(cell) {
    let words = cell.dataset.value ?? cell.textContent;
    if (!cell.classList.contains("n") && /^[=+\-@\t]/.test(words)) words = `'${words}`;
    return /[",\n\r]/.test(words) ? `"${words.replaceAll('"', '""')}"` : words;
  }

  function csvOf(table) {
    return all("tr", table).map((row) => [...row.cells].map(csvCell).join(",")).join("\n") + "\n";
  }

  function copy(words, button) {
    const was = button.textContent;
    const say = (answer) => {
      button.textContent = answer;
      setTimeout(() => { button.textContent = was; }, 1500);
    };
    const byHand = () => {
      const area = document.body.appendChild(document.createElement("textarea"));
      area.value = words;
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      say(done ? "Copied" : "Could not copy");
    };
    if (navigator.clipboard) navigator.clipboard.writeText(words).then(() => say("Copied"), byHand);
    else byHand();
  }

  function save(words, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([words], { type: "text/csv" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function onClick(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.id === "theme") nextTheme(button);
    if (button.dataset.copy) copy(document.getElementById(button.dataset.copy).textContent, button);
    if (button.dataset.csv) {
      const csv = csvOf(button.closest(".data").querySelector("table"));
      if (button.dataset.csv === "copy") copy(csv, button);
      else save(csv, button.dataset.file);
    }
  }

  // ---- Print ---------------------------------------------------------------------------------
  // Pixels that fit A4 and Letter inside 15 mm margins, alone on a line and two on a line; the
  // last of an odd number has a line of its own, as in page.css.
  const PAPER = { line: 660, half: 318 };

  function paperWidth(plot) {
    const cell = plot.closest(".grid:not(.pair) > *");
    return !cell || cell.matches(":last-child:nth-child(odd)") ? PAPER.line : PAPER.half;
  }

  function beforePrint() {
    setTheme("light");
    readColours();
    plots.forEach(draw);
    repaint(paperWidth);
  }

  function afterPrint() {
    setTheme(theme);
    repaint();
  }

  // ---- Start ---------------------------------------------------------------------------------
  document.addEventListener("DOMContentLoaded", () => {
    plots = all(".plot");
    labelTheme(document.getElementById("theme"));
    all(".legend").forEach(wireLegend);
    document.addEventListener("click", onClick);
    readColours();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => repaint());
    window.addEventListener("beforeprint", beforePrint);
    window.addEventListener("afterprint", afterPrint);
    const near = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) draw(entry.target);
    }, { rootMargin: "300px" });
    plots.forEach((plot) => near.observe(plot));
    window.addEventListener("load", drawWhenIdle);
  });
})();
