package main

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
)

// keepApart keeps this process, and those that it starts, away from every AWS account: it refuses to go on where the
// environment names an endpoint that is not on this machine, and forgets whatever else the environment and the
// user's files say of AWS. A profile would come before the sandbox's credentials in the CDK CLI, the endpoint of a
// single service before the sandbox's in the SDK.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func keepApart() error {
	var names []string
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "AWS_") {
			continue
		}
		names = append(names, name)
		if strings.HasPrefix(name, "AWS_ENDPOINT_URL") {
			if err := refuseRealEndpoint(name, value); err != nil {
				return err
			}
		}
	}
	for _, name := range names {
		if err := os.Unsetenv(name); err != nil {
			return err
		}
	}
	for _, file := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		if err := os.Setenv(file, os.DevNull); err != nil {
			return err
		}
	}
	return os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// refuseRealEndpoint refuses an endpoint, as a variable names it, that is not on this machine.
func refuseRealEndpoint(variable, endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Hostname() == "" {
		return fmt.Errorf("%s is %q, which is no address with a scheme and a host: unset it", variable, endpoint)
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("%s is %q, which is not on this machine: the sandbox plays with fleets, unset it", variable, endpoint)
	}
	return nil
}
