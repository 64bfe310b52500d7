// Command cdk turns the operator's settings into CloudFormation templates. The CDK CLI runs it as cdk.json says and
// hands it the context; settings with mistakes are all named and nothing is synthesized.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/cdk/stacks"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

func main() {
	err := run()
	jsii.Close() // also when nothing was synthesized: merely being linked, it has unpacked itself to a temporary folder
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	fleet, err := load(os.Getenv("CDK_CONTEXT_JSON"), os.ReadFile)
	if err != nil {
		return err
	}
	if len(fleet.Alerts.Email) == 0 {
		fmt.Fprintln(os.Stderr, "note: fleet.alerts.email is empty: nobody is told of an alarm who does not subscribe to the alert topic")
	}
	built := stacks.Folder("build")
	if err := built.Check(fleet); err != nil {
		return err
	}
	app := awscdk.NewApp(nil)
	stacks.Deploy(app, stacks.Fleet{Settings: fleet, Built: built})
	app.Synth(nil)
	return nil
}

// load reads the settings from the CDK's context: the object "fleet", or the same object in the file that
// `-c settings=FILE` names.
func load(context string, read func(string) ([]byte, error)) (settings.Settings, error) {
	var given struct {
		Fleet    json.RawMessage `json:"fleet"`
		Settings string          `json:"settings"`
	}
	if context == "" {
		return settings.Settings{}, errors.New("no settings: run this through the CDK CLI, such as npx cdk synth")
	}
	if err := json.Unmarshal([]byte(context), &given); err != nil {
		return settings.Settings{}, fmt.Errorf("the CDK context was not read: %w", err)
	}
	if given.Settings != "" {
		raw, err := read(filepath.Clean(given.Settings))
		if err != nil {
			return settings.Settings{}, fmt.Errorf("settings were not read: %w", err)
		}
		return settings.Parse(raw)
	}
	if given.Fleet == nil {
		return settings.Settings{}, errors.New(`no settings: the context of cdk.json has no object "fleet"`)
	}
	return settings.Parse(given.Fleet)
}
