package jitsi

import (
	"fmt"
	"strings"
)

// BridgeStats is what is used of a bridge's /colibri/stats. Gauges are up to 5 s old, JVB's stats.interval.
// Source of names, kinds and meaning: JVB VideobridgeStatisticsShim.kt.
type BridgeStats struct {
	Version               string
	Stress                float64 // measured load divided by JVB's load threshold; may exceed 1
	ParticipantStress     float64 // average_participant_stress, a configured constant
	Healthy               bool    // JVB's last own health check
	Drain                 bool
	GracefulShutdown      bool
	ShuttingDown          bool
	Conferences           int64
	LargestConference     int64
	Endpoints             int64 // with those seen through relays
	LocalEndpoints        int64 // terminated on this bridge
	MUCsConfigured        int64
	MUCsJoined            int64 // brewery rooms joined; 0 means that no Jicofo knows the bridge
	ReceiveKilobits       int64 // per second
	SendKilobits          int64 // per second
	PacketRateDownload    int64
	PacketRateUpload      int64
	Loss                  float64 // fraction 0..1
	RoundTripMillis       float64
	ICEFailedTotal        int64
	DisconnectedEndpoints int64 // counter
	// Wrong names the fields whose value had another kind than the documented one; they read as zero.
	Wrong []string
}

// proof are the fields that must be there and right: a zero that was only missing would prove a bridge empty or
// idle that is not.
var proof = []string{"local_endpoints", "stress_level"}

// DecodeBridgeStats reads the body of /colibri/stats. Unknown and missing fields are tolerated, except those
// that a decision to end a bridge rests on.
func DecodeBridgeStats(raw []byte) (BridgeStats, error) {
	f, err := readFields(raw)
	if err != nil {
		return BridgeStats{}, fmt.Errorf("JVB /colibri/stats: %w", err)
	}
	s := BridgeStats{
		Version:               f.text("version"),
		Stress:                f.float("stress_level"),
		ParticipantStress:     f.float("average_participant_stress"),
		Healthy:               f.flag("healthy"),
		Drain:                 f.flag("drain"),
		GracefulShutdown:      f.flag("graceful_shutdown"),
		ShuttingDown:          f.flag("shutting_down"),
		Conferences:           f.count("conferences"),
		LargestConference:     f.count("largest_conference"),
		Endpoints:             f.count("endpoints"),
		LocalEndpoints:        f.count("local_endpoints"),
		MUCsConfigured:        f.count("mucs_configured"),
		MUCsJoined:            f.count("mucs_joined"),
		ReceiveKilobits:       f.count("bit_rate_download"),
		SendKilobits:          f.count("bit_rate_upload"),
		PacketRateDownload:    f.count("packet_rate_download"),
		PacketRateUpload:      f.count("packet_rate_upload"),
		Loss:                  f.float("overall_loss"),
		RoundTripMillis:       f.float("rtt_aggregate"),
		ICEFailedTotal:        f.count("total_ice_failed"),
		DisconnectedEndpoints: f.count("endpoints_disconnected"),
	}
	s.Wrong = f.wrongKinds()
	var absent []string
	for _, name := range proof {
		if !f.has(name) {
			absent = append(absent, name)
		}
	}
	if len(absent) > 0 {
		return s, fmt.Errorf("JVB /colibri/stats: %w: no usable %s", ErrBadAnswer, strings.Join(absent, ", "))
	}
	return s, nil
}

// DecodeDrain reads the body of /colibri/drain, {"drain": true}.
func DecodeDrain(raw []byte) (bool, error) {
	f, err := readFields(raw)
	if err != nil {
		return false, fmt.Errorf("JVB /colibri/drain: %w", err)
	}
	on := f.flag("drain")
	if !f.has("drain") {
		return false, fmt.Errorf("JVB /colibri/drain: %w: no usable drain", ErrBadAnswer)
	}
	return on, nil
}
