package stacks

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/jsii-runtime-go"

	"github.com/jitsi-fleet/jitsi-fleet/cdk/constructs"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// userData is what a node runs at its first boot: it writes its files, fetches the boot bundle and runs one script
// of it.
type userData struct {
	lines []string
}

// file writes a file through a here-document, whose word marks where the content begins and ends.
func (u *userData) file(path, word, content string) {
	u.lines = append(u.lines, fmt.Sprintf("cat > %s <<'%s'\n%s\n%s", path, word, strings.TrimSuffix(content, "\n"), word))
}

// variable sets a variable for the boot script.
func (u *userData) variable(name, value string) {
	u.lines = append(u.lines, fmt.Sprintf("export %s='%s'", name, value))
}

func (u *userData) run(command string) { u.lines = append(u.lines, command) }

func (u *userData) text() string {
	return "#!/bin/bash\nset -euo pipefail\nmkdir -p /etc/jitsi-fleet\n" + strings.Join(u.lines, "\n") + "\n"
}

// bundle is the archive of agent and boot scripts for one architecture, in the bootstrap bucket.
type bundle struct{ awss3assets.Asset }

func (f Fleet) bundle(stack awscdk.Stack, id string, a settings.Architecture) bundle {
	return bundle{awss3assets.NewAsset(stack, jsii.String(id), &awss3assets.AssetProps{Path: jsii.String(f.Built.Boot(a))})}
}

// boot fetches the bundle and hands over to its script of that name. Python is on every image for cloud-init, an
// unpacker is not.
func (u *userData) boot(b bundle, script string) {
	u.run("mkdir -p /opt/jitsi-fleet")
	u.run(fmt.Sprintf("until aws s3 cp --no-progress 's3://%s/%s' /opt/jitsi-fleet/boot.zip; do sleep 5; done", *b.S3BucketName(), *b.S3ObjectKey()))
	u.run("python3 -m zipfile -e /opt/jitsi-fleet/boot.zip /opt/jitsi-fleet")
	u.run("exec bash /opt/jitsi-fleet/" + script + ".sh")
}

// read is what a node needs to fetch the bundle: that one object.
func (b bundle) read() constructs.Statement {
	return constructs.Statement{
		Sid: "Boot", Actions: []string{"s3:GetObject"},
		Resources: []string{"arn:" + *awscdk.Aws_PARTITION() + ":s3:::" + *b.S3BucketName() + "/" + *b.S3ObjectKey()},
	}
}

// node writes the agent's configuration.
func (u *userData) node(n settings.Node) {
	content, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("the node configuration cannot be written: %v", err))
	}
	u.file(settings.NodePath, "NODE", string(content))
}
