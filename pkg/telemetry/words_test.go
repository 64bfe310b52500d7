package telemetry

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAMetricIsReadAsWords(t *testing.T) {
	for name, want := range map[string]string{
		"Conferences": "Conferences", "BridgesServing": "Bridges serving", "ICEFailures": "ICE failures", "BridgeCPU": "Bridge CPU",
		"StressP90": "Stress P90", "JibriIO": "Jibri IO", "": "",
	} {
		assert.Equal(t, want, Metric{Name: name}.Label())
	}
}
