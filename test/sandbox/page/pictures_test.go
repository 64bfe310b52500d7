package page

import (
	"flag"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

var (
	running  = flag.String("page", "", "the address of a running sandbox's page, to take pictures of")
	pictures = flag.String("pictures", "", "the `folder` for the pictures")
	patient  = flag.Duration("alarm", 0, "how long to wait for an alarm of which somebody is told")
)

// TestPicturesOfARunningSandbox takes pictures of a page for a person to look at. README's is page.png of these two, the
// second begun when EC2 has lost the recorder:
//
//	./scripts/sandbox --keep --scenario test/sandbox/page/testdata/busy.json
//	CHROMIUM=chromium go test ./test/sandbox/page -run Pictures -page ADDRESS -pictures FOLDER -alarm 3m
func TestPicturesOfARunningSandbox(t *testing.T) {
	if *running == "" {
		t.Skip("no page is named")
	}
	b := startBrowser(t)
	b.screen(1280, 1275, "light")
	b.look(*running, "now")
	for deadline := time.Now().Add(*patient); time.Now().Before(deadline) && b.eval(`document.querySelector("#views .count") !== null`) != true; {
		time.Sleep(100 * time.Millisecond)
	}
	for _, one := range []struct {
		name, view, colours string
		width, height       int
		whole               bool
	}{
		{"page", "now", "light", 1280, 1275, false},
		{"light", "now", "light", 1440, 900, true},
		{"dark", "now", "dark", 1440, 900, true},
		{"phone", "now", "light", 390, 844, true},
		{"overview", "dashboards:name=sandbox-overview", "light", 1440, 900, true},
		{"edge", "dashboards:name=sandbox-edge", "light", 1440, 900, true},
		{"recorders", "dashboards:name=sandbox-recorders", "dark", 1440, 900, true},
		{"control", "dashboards:name=sandbox-control-plane", "light", 1440, 900, true},
		{"cost", "dashboards:name=sandbox-cost-and-capacity", "light", 1440, 900, true},
		{"shard", "dashboards:name=sandbox-shard-1", "dark", 1440, 900, true},
		{"phone-shard", "dashboards:name=sandbox-shard-1", "dark", 390, 844, true},
		{"alarms", "alarms", "light", 1440, 900, false},
		{"decisions", "decisions", "dark", 1440, 900, false},
		{"runbook", "runbook", "light", 1440, 900, false},
	} {
		b.screen(one.width, one.height, one.colours)
		b.look(*running, one.view)
		b.picture(filepath.Join(*pictures, one.name+".png"), one.whole)
	}
	assert.Empty(t, b.wrong())
}
