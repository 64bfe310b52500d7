package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
)

//go:embed prices.json
var ownPrices []byte

// prices are a region's, in USD, and what of a fleet they apply to.
type prices struct {
	Dated    string             `json:"dated"`
	Region   string             `json:"region"`
	Source   string             `json:"source"`
	Hour     map[string]float64 `json:"hour"` // instances by type, and what else is paid by the hour
	Gigabyte struct {
		InternetOut float64 `json:"internetOut"`
		NATGateway  float64 `json:"natGateway"`
		DiskMonth   float64 `json:"diskMonth"`
		BucketMonth float64 `json:"bucketMonth"`
		Logs        float64 `json:"logs"`
	} `json:"gigabyte"`
	Month struct {
		Metric     float64 `json:"metric"`
		Alarm      float64 `json:"alarm"`
		Composite  float64 `json:"composite"`
		Dashboard  float64 `json:"dashboard"`
		Secret     float64 `json:"secret"`
		Key        float64 `json:"key"`
		HostedZone float64 `json:"hostedZone"`
	} `json:"month"`
	Million struct {
		LambdaRequests        float64 `json:"lambdaRequests"`
		LambdaGigabyteSeconds float64 `json:"lambdaGigabyteSeconds"`
		TableWrites           float64 `json:"tableWrites"`
		TableReads            float64 `json:"tableReads"`
		Notifications         float64 `json:"notifications"`
		Messages              float64 `json:"messages"`
	} `json:"million"`
	Fleet deployed `json:"fleet"`
}

// deployed is what a fleet has beside its bridges and recorders, and what they move and keep.
type deployed struct {
	Shards             int     `json:"shards"`
	HAProxySlots       int     `json:"haproxySlots"`
	HAProxyType        string  `json:"haproxyType"`
	SignalType         string  `json:"signalType"`
	BridgeType         string  `json:"bridgeType"`
	JibriType          string  `json:"jibriType"`
	NATGateways        int     `json:"natGateways"`
	LoadBalancerUnits  float64 `json:"loadBalancerUnits"` // mean of NLCUs
	NodeDiskGigabytes  float64 `json:"nodeDiskGigabytes"`
	JibriDiskGigabytes float64 `json:"jibriDiskGigabytes"`
	// GigabytesOutPerParticipantHour is what a bridge sends to one participant: 53 kB/s in rooms of five who all send, as
	// openfun measured (9.5 MB/s for 180; needs.md, B3). Larger rooms and higher resolutions take several times as much.
	GigabytesOutPerParticipantHour float64 `json:"gigabytesOutPerParticipantHour"`
	GigabytesPerRecordedHour       float64 `json:"gigabytesPerRecordedHour"`
	RecordingMonthsKept            float64 `json:"recordingMonthsKept"`
	Secrets                        int     `json:"secrets"`
	Keys                           int     `json:"keys"`
	Lambdas                        int     `json:"lambdas"`
	LambdaRunsPerMinute            float64 `json:"lambdaRunsPerMinute"` // of each: the schedule and wake-ups
	LambdaSeconds                  float64 `json:"lambdaSeconds"`
	LambdaGigabytes                float64 `json:"lambdaGigabytes"`
	LogGigabytesPerLambda          float64 `json:"logGigabytesPerLambda"` // in a month
	TableWritesPerRun              float64 `json:"tableWritesPerRun"`
	TableReadsPerRun               float64 `json:"tableReadsPerRun"`
}

// readPrices reads a price file; the project's own when the path is empty. Unknown words are refused, since a typing
// error would make something free.
func readPrices(path string) (prices, error) {
	raw := ownPrices
	if path == "" {
		path = "test/simulate/prices.json"
	} else {
		var err error
		if raw, err = os.ReadFile(path); err != nil {
			return prices{}, err
		}
	}
	var p prices
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return p, fmt.Errorf("price file %s is not understood: %w", path, err)
	}
	for _, what := range []string{p.Fleet.HAProxyType, p.Fleet.SignalType, p.Fleet.BridgeType, p.Fleet.JibriType, "publicIPv4", "natGateway", "networkLoadBalancer", "loadBalancerUnit"} {
		if p.Hour[what] <= 0 {
			return p, fmt.Errorf("price file %s has no price of an hour of %q: write one under hour", path, what)
		}
	}
	return p, nil
}
