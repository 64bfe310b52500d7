package main

import (
	"context"
	"io"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/simulate"
)

func tune(_ context.Context, _ []simulate.Workload, _ options, _, _ io.Writer) error { return nil }
