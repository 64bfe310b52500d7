// Command measure prints how large the package of each Lambda is and how long each takes to start, or with its first
// argument "upload" how fast a recording is uploaded.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "upload" {
		if err := uploads(context.Background(), os.Args[2:]); err != nil {
			fmt.Fprintf(os.Stderr, "nothing is measured: %v\n", err)
			os.Exit(1)
		}
		return
	}
	build := flag.String("build", "build", "folder that scripts/build filled")
	operator := flag.String("settings", "pkg/settings/testdata/default.json", "settings that the Lambdas start with")
	runs := flag.Int("runs", 20, "how often each Lambda is started")
	flag.Parse()
	if err := measure(context.Background(), *build, *operator, *runs); err != nil {
		fmt.Fprintf(os.Stderr, "nothing is measured: %v\n", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, build, operator string, runs int) error {
	if runs < 1 {
		return errors.New("no runs: name 1 or more")
	}
	raw, err := os.ReadFile(operator)
	if err != nil {
		return fmt.Errorf("settings are not read: %w", err)
	}
	parsed, err := settings.Parse(raw)
	if err != nil {
		return err
	}
	fmt.Printf("%-12s %14s %14s %14s %14s\n", "Lambda", "arm64 binary", "zipped", "start median", "start worst")
	for name, contract := range contracts(parsed) {
		env, err := settings.EncodeEnv(contract)
		if err != nil {
			return err
		}
		size, zipped, err := packed(ctx, filepath.Join(build, "lambda", "arm64", name, "bootstrap"))
		if err != nil {
			return err
		}
		var starts []time.Duration
		for range runs {
			took, err := start(ctx, filepath.Join(build, "lambda", runtime.GOARCH, name, "bootstrap"), env)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			starts = append(starts, took)
		}
		slices.Sort(starts)
		fmt.Printf("%-12s %11.2f MB %11.2f MB %11.1f ms %11.1f ms\n", name, megabytes(size), megabytes(zipped),
			milliseconds(starts[len(starts)/2]), milliseconds(starts[len(starts)-1]))
	}
	return nil
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
