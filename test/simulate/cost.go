package main

import (
	"io"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/simulate"
)

func cost(_ []simulate.Workload, _ options, _ io.Writer) error { return nil }
