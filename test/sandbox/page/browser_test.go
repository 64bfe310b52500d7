package page

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/websocket"
)

// browser is one tab of a headless Chromium, steered by its DevTools protocol.
// https://chromedevtools.github.io/devtools-protocol/
type browser struct {
	t       *testing.T
	conn    *websocket.Conn
	session string
	last    int

	mu       sync.Mutex
	answers  map[int]chan message
	problems []string // that the page wrote to its console, or threw
}

type message struct {
	ID     int             `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Error  json.RawMessage `json:"error,omitempty"`
}

// startBrowser starts the Chromium that CHROMIUM names; without one the test is not run: scripts/test page sets it.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	program := os.Getenv("CHROMIUM")
	if program == "" {
		t.Skip("CHROMIUM names no Chromium")
	}
	folder := t.TempDir()
	command := exec.CommandContext(t.Context(), program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--disable-background-networking", "--no-first-run", "--remote-debugging-port=0", "--remote-allow-origins=*", "--user-data-dir="+folder, "about:blank")
	said, err := command.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	address := ""
	for lines := bufio.NewScanner(said); address == "" && lines.Scan(); {
		_, address, _ = strings.Cut(lines.Text(), "DevTools listening on ")
	}
	require.NotEmpty(t, address, "Chromium does not start")
	go func() { _, _ = bufio.NewReader(said).WriteTo(discard{}) }()
	conn, err := websocket.Dial(address, "", "http://127.0.0.1/")
	require.NoError(t, err)
	b := &browser{t: t, conn: conn, answers: map[int]chan message{}}
	t.Cleanup(func() {
		// It ends its own children, which write into the folder until then.
		_ = websocket.JSON.Send(conn, map[string]any{"id": 0, "method": "Browser.close"})
		_ = command.Wait()
		_ = conn.Close()
		require.Eventually(t, func() bool { return os.RemoveAll(folder) == nil }, patience, 50*time.Millisecond, "the folder is not Chromium's any more")
	})
	go b.listen()
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.call(domain+".enable", nil, nil)
	}
	return b
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// listen hands answers to those who wait, and keeps what went wrong in the page.
func (b *browser) listen() {
	for {
		var m message
		if websocket.JSON.Receive(b.conn, &m) != nil {
			return
		}
		b.mu.Lock()
		switch {
		case m.ID != 0:
			b.answers[m.ID] <- m
		case m.Method == "Runtime.consoleAPICalled" || m.Method == "Runtime.exceptionThrown" || m.Method == "Log.entryAdded":
			b.problems = append(b.problems, string(m.Params))
		}
		b.mu.Unlock()
	}
}

// patience bounds one command.
const patience = 30 * time.Second

func (b *browser) call(method string, params map[string]any, into any) {
	b.t.Helper()
	b.mu.Lock()
	b.last++
	id, answer := b.last, make(chan message, 1)
	b.answers[id] = answer
	b.mu.Unlock()
	command := map[string]any{"id": id, "method": method}
	if params != nil {
		command["params"] = params
	}
	if b.session != "" {
		command["sessionId"] = b.session
	}
	require.NoError(b.t, websocket.JSON.Send(b.conn, command))
	select {
	case m := <-answer:
		require.Empty(b.t, string(m.Error), method)
		if into != nil {
			require.NoError(b.t, json.Unmarshal(m.Result, into))
		}
	case <-time.After(patience):
		require.FailNow(b.t, "Chromium does not answer "+method)
	}
}

// screen sets the size of the window, in CSS pixels, and the colours that its user prefers, "light" or "dark".
func (b *browser) screen(width, height int, colours string) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}, nil)
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []any{
		map[string]any{"name": "prefers-color-scheme", "value": colours}, map[string]any{"name": "prefers-reduced-motion", "value": "reduce"},
	}}, nil)
}

// look opens a view of the page and waits until it is drawn.
func (b *browser) look(address, view string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": address + "#" + view}, nil)
	b.until(fmt.Sprintf(`location.href === %q && document.documentElement.dataset.shown === location.hash`, address+"#"+view))
}

// until waits for a condition in JavaScript.
func (b *browser) until(condition string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool { return b.eval(condition) == true }, patience, 50*time.Millisecond, condition)
}

// eval is the value of an expression in JavaScript.
func (b *browser) eval(expression string) any {
	b.t.Helper()
	var answer struct {
		Result struct{ Value any }
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &answer)
	return answer.Result.Value
}

// press presses a key, such as "Tab" or "ArrowLeft".
func (b *browser) press(key string) {
	b.t.Helper()
	codes := map[string]int{"Tab": 9, "Enter": 13, "ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "Escape": 27}
	for _, kind := range []string{"keyDown", "keyUp"} {
		event := map[string]any{"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
		if key == "Enter" && kind == "keyDown" {
			event["text"] = "\r"
		}
		b.call("Input.dispatchKeyEvent", event, nil)
	}
}

// picture writes what is seen to a file: the window, or all of the page.
func (b *browser) picture(path string, whole bool) {
	b.t.Helper()
	var shot struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": whole}, &shot)
	raw, err := base64.StdEncoding.DecodeString(shot.Data)
	require.NoError(b.t, err)
	require.NoError(b.t, os.MkdirAll(filepath.Dir(path), 0o750))
	require.NoError(b.t, os.WriteFile(path, raw, 0o600))
}

// wrong is what went wrong in the page so far.
func (b *browser) wrong() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.problems
}
