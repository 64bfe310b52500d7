package emulator

import (
	"encoding/base64"
	"fmt"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/template"
)

// InstanceEnv is the environment in which a program on an instance finds its endpoint and credentials: those of
// the role in its launch template's instance profile.
func (c *Cloud) InstanceEnv(id string) ([]string, error) {
	data, err := c.launchData(id)
	if err != nil {
		return nil, err
	}
	profile := data.object("IamInstanceProfile").text("Arn")
	if profile == "" {
		profile = data.object("IamInstanceProfile").text("Name")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	role, ok := c.book.RoleOf(profile)
	if !ok {
		return nil, fmt.Errorf("instance %s has no role: its profile %q is in no template", id, profile)
	}
	if err := c.book.Assume(role, "ec2.amazonaws.com"); err != nil {
		return nil, err
	}
	return c.credentials(caller{role: role, name: id}), nil
}

// UserData is the user data of an instance's launch template, decoded.
func (c *Cloud) UserData(id string) (string, error) {
	data, err := c.launchData(id)
	if err != nil {
		return "", err
	}
	text, err := base64.StdEncoding.DecodeString(data.text("UserData"))
	if err != nil {
		return "", fmt.Errorf("user data of %s is not base64: %w", id, err)
	}
	return string(text), nil
}

// launchData is the data of the launch template that an instance of a group was started from.
func (c *Cloud) launchData(id string) (properties, error) {
	c.mu.Lock()
	d := c.deployed
	c.mu.Unlock()
	for _, i := range c.Instances() {
		if i.ID != id {
			continue
		}
		var found properties
		err := d.each("AWS::EC2::LaunchTemplate", func(res *template.Resource, p properties) error {
			if d.physical(res) == i.Template.ID {
				found = p.object("LaunchTemplateData")
			}
			return nil
		})
		if err == nil && found == nil {
			err = fmt.Errorf("launch template %s of instance %s is in no template", i.Template.ID, id)
		}
		return found, err
	}
	return nil, fmt.Errorf("instance %s belongs to no group", id)
}
