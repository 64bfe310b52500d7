package page

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// views are the addresses of every view of a page.
func (p *Page) views() []string {
	all := []string{"now", "alarms", "decisions", "runbook"}
	for _, d := range p.source.Dashboards {
		all = append(all, "dashboards:name="+d.Name)
	}
	return all
}

// unreadable lists texts whose contrast with what is behind them is below WCAG's 4.5 to 1, or 3 to 1 when they are large.
const unreadable = `(() => {
  const numbers = c => c.match(/[\d.]+/g).map(Number);
  const light = c => { const [r, g, b] = numbers(c).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if ((numbers(c)[3] ?? 1) > 0.99) return c; } return "rgb(255, 255, 255)"; };
  const bad = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent.trim(), e = walk.currentNode.parentElement;
    if (!text || !e.checkVisibility() || e.closest(".heard, .skip, noscript, script")) continue;
    const style = getComputedStyle(e), ink = e.namespaceURI.endsWith("svg") ? style.fill : style.color, back = behind(e);
    const [a, b] = [light(ink), light(back)].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700;
    if (ratio < (large ? 3 : 4.5)) bad.add(text.slice(0, 30) + ": " + ratio.toFixed(2) + " of " + ink + " on " + back);
  }
  return [...bad];
})()`

// undrawn lists graphs with figures and without a line.
const undrawn = `[...document.querySelectorAll(".chart")].filter(e => [...e.querySelectorAll(".legend li:not(.bad) b")].some(b => b.textContent !== "no data")
  && !e.querySelector(".plot path.curve")).map(e => e.querySelector("h3").textContent)`

func TestEveryViewIsDrawnReadableAndFitsItsScreenWithoutAnError(t *testing.T) {
	b := startBrowser(t)
	p := busyPage(t)
	address := serve(t, p)
	for _, screen := range []struct {
		width, height int
		colours       string
	}{{1440, 900, "light"}, {1440, 900, "dark"}, {800, 1000, "light"}, {390, 844, "dark"}, {390, 844, "light"}} {
		b.screen(screen.width, screen.height, screen.colours)
		for _, view := range p.views() {
			name := fmt.Sprintf("%s at %d pixels, %s", view, screen.width, screen.colours)
			b.look(address, view)
			assert.Empty(t, b.eval(unreadable), name)
			assert.Empty(t, b.eval(undrawn), name)
			assert.Equal(t, true, b.eval(`document.documentElement.scrollWidth <= innerWidth`), "%s: it is wider than the screen", name)
			assert.Equal(t, true, b.eval(`document.getElementById("content").textContent.trim().length > 100`), "%s: it is empty", name)
		}
	}
	assert.Empty(t, b.wrong())
}

func TestEveryWidgetStandsInItsPlaceOfTheGrid(t *testing.T) {
	b := startBrowser(t)
	p := busyPage(t)
	address := serve(t, p)
	b.screen(1440, 900, "light")
	for _, d := range p.source.Dashboards {
		b.look(address, "dashboards:name="+d.Name)
		var want []string
		for _, w := range d.Widgets {
			want = append(want, fmt.Sprintf("%d %d %d %d", w.X+1, w.Width, w.Y+1, w.Height))
		}
		got, _ := b.eval(`[...document.querySelectorAll(".grid > *")].map(e => {
			const s = getComputedStyle(e), end = v => v.replace("span ", "");
			return [s.gridColumnStart, end(s.gridColumnEnd), s.gridRowStart, end(s.gridRowEnd)].join(" ") }).join("|")`).(string)
		assert.Equal(t, strings.Join(want, "|"), got, d.Name)
		assert.Empty(t, b.eval(`[...document.querySelectorAll(".grid > *")].filter(e => e.scrollHeight > e.clientHeight + 1).map(e => e.textContent.slice(0, 40))`), "%s: a widget is cut off", d.Name)
	}
}

// focused describes what the keyboard is at, and whether one sees it.
const focused = `(() => {
  const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e);
  const seen = box.width > 1 && box.height > 1 && box.bottom > 0 && box.top < innerHeight && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return (e.id || e.dataset.key || e.className || e.tagName) + (seen ? "" : " is not seen");
})()`

func TestTheKeyboardReachesEverythingInTheOrderOfThePage(t *testing.T) {
	b := startBrowser(t)
	p := busyPage(t)
	address := serve(t, p)
	b.screen(1440, 900, "light")
	b.look(address, "now")
	want := append([]string{"skip"}, p.views()...)
	for _, name := range want {
		b.press("Tab")
		assert.Equal(t, name, b.eval(focused))
	}
	b.until(`document.querySelector('#views [aria-current=page]').dataset.key === "now"`)
	b.press("Enter")
	last := want[len(want)-1]
	b.until(fmt.Sprintf(`document.documentElement.dataset.shown === %q`, "#"+last))
	assert.Equal(t, last, b.eval(focused), "the keyboard stays where it was")
	assert.Equal(t, last, b.eval(`document.querySelector('#views [aria-current=page]').dataset.key`))
	seen := map[string]int{}
	for {
		b.press("Tab")
		at, _ := b.eval(focused).(string)
		if strings.HasPrefix(at, "BODY") {
			break // the end of the page
		}
		assert.NotContains(t, at, "is not seen")
		seen[at]++
	}
	assert.Positive(t, seen["plot"], "graphs are reached: %v", seen)
}

func TestTheSkipLinkLeadsPastTheViews(t *testing.T) {
	b := startBrowser(t)
	b.screen(1440, 900, "light")
	b.look(serve(t, busyPage(t)), "alarms")
	b.press("Tab")
	b.press("Enter")
	b.until(`document.activeElement.id === "main"`)
	assert.Equal(t, "#alarms", b.eval(`location.hash`), "the view stays")
}

func TestTheArrowKeysReadAGraphAtATime(t *testing.T) {
	b := startBrowser(t)
	p := busyPage(t)
	b.screen(1440, 900, "light")
	b.look(serve(t, p), "dashboards:name="+p.source.Dashboards[0].Name)
	b.eval(`document.querySelector(".plot").focus()`)
	when := `document.querySelector(".chart .when").textContent`
	assert.Empty(t, b.eval(when))
	for range 10 {
		b.press("ArrowLeft")
	}
	assert.Regexp(t, `^\d\d:\d\d$`, b.eval(when))
	assert.Contains(t, b.eval(`document.querySelector(".plot").getAttribute("aria-label")`), " at ")
	b.press("Escape")
	assert.Empty(t, b.eval(when))
}

func TestAnAlarmLeadsToItsRunbook(t *testing.T) {
	b := startBrowser(t)
	p := busyPage(t)
	b.screen(1440, 900, "light")
	b.look(serve(t, p), "alarms")
	first := p.alarms()[0]
	b.eval(fmt.Sprintf(`document.querySelector('[data-key="runbook %s"]').click()`, first.Name))
	b.until(fmt.Sprintf(`document.activeElement.id === "runbook-%s"`, first.Heading))
}

func TestThePageSaysHowTheRunEnded(t *testing.T) {
	b := startBrowser(t)
	p := busyPage(t)
	b.screen(390, 844, "light")
	b.look(serve(t, p), "now")
	p.End(nil)
	b.until(`document.getElementById("well").textContent.includes("passed")`)
	p.End([]string{"two people were dropped", "a bridge is missing"})
	b.until(`document.getElementById("well").textContent.includes("failed: 2 reasons")`)
	b.until(`document.getElementById("content").textContent.includes("two people were dropped")`)
}

func TestThePageSaysThatTheSandboxHasEnded(t *testing.T) {
	b := startBrowser(t)
	b.screen(1440, 900, "light")
	server := httptest.NewServer(busyPage(t).Handler())
	b.look(server.URL+"/", "now")
	require.Contains(t, b.eval(`document.getElementById("well").textContent`), "page")
	server.CloseClientConnections()
	server.Close()
	b.until(`document.getElementById("well").textContent.includes("has ended")`)
}
