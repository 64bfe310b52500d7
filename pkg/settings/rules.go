package settings

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	fleetForm       = regexp.MustCompile(`^[a-z][a-z0-9-]{0,18}[a-z0-9]$`)
	shardForm       = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$`)
	hostForm        = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	certificateForm = regexp.MustCompile(`^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$`)
	zoneForm        = regexp.MustCompile(`^Z[A-Z0-9]{1,31}$`)
	releaseForm     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	tagForm         = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
)

const (
	maxShards  = 50
	maxBridges = 500 // of one shard
	maxJibris  = 500
	maxHostLen = 253 // RFC 1035, section 2.3.4
	// maxCertificateName is ACM's limit of a certificate's first name.
	// https://docs.aws.amazon.com/acm/latest/userguide/acm-certificate-characteristics.html
	maxCertificateName = 64
	// Of a resource's 50 tags, some are the fleet's own and CloudFormation's.
	// https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
	maxTags     = 40
	maxTagKey   = 128
	maxTagValue = 256
)

// validate is every rule about settings that could be read.
func (s Settings) validate(r *report) {
	c := check{r, "fleet"}
	s.validateNames(c)
	s.Network.validate(c.at("network"))
	s.Edge.validate(c.at("edge"))
	s.Signal.validate(c.at("signal"), s.Bridges.HookTimeout)
	s.validateShards(c.at("shards"))
	s.Bridges.validate(c.at("bridges"))
	if s.Bridges.Survivors > 0 && len(s.Shards) < 2 {
		c.at("bridges").at("survivors").mend(s.Bridges.Survivors, "write 0, or add a shard: nothing survives the loss of the only one")
	}
	s.validateAddresses(c.at("network").at("cidr"))
	s.Jibris.validate(c.at("jibris"), s.Bridges.HookTimeout)
	s.Recordings.validate(c.at("recordings"))
	s.Intervals.validate(c.at("intervals"))
	s.Alerts.validate(c.at("alerts"))
	validateTags(c.at("tags"), s.Tags)
	validateSchedules(c.at("schedules"), s.Schedules)
	s.Bounds().schedules(c.at("schedules"), s.Schedules, nil)
}

func (s Settings) validateNames(c check) {
	if c.at("fleet").text(s.Fleet, fleetForm, "write 2 to 20 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen") {
		reserved := s.Fleet == "ec2" || s.Fleet == "compute" || strings.HasPrefix(s.Fleet, "aws") || strings.HasPrefix(s.Fleet, "ssm")
		if reserved {
			c.at("fleet").mend(s.Fleet, `write another name: AWS reserves those that begin with "aws" or "ssm", and the zones of "ec2" and "compute"`)
		}
	}
	host(c.at("domain"), s.Domain, `write the public host name of the meetings, such as "meet.example.org"`)
	if s.CertificateArn == "" && s.HostedZone == nil {
		c.at("certificateArn").mend(nil, "write the ARN of an ACM certificate for the domain, or write fleet.hostedZone and one is made")
	}
	if s.CertificateArn != "" {
		c.at("certificateArn").text(s.CertificateArn, certificateForm, `write an ARN of ACM, "arn:aws:acm:REGION:ACCOUNT:certificate/ID"`)
	}
	if s.HostedZone != nil {
		s.validateZone(c.at("hostedZone"))
	}
	if s.TimeZone == "" {
		c.at("timeZone").mend(s.TimeZone, zoneMend)
	} else {
		timeZone(c.at("timeZone"), s.TimeZone)
	}
	floating := slices.Contains([]string{"latest", "stable", "unstable", "nightly"}, s.Release)
	if floating || !releaseForm.MatchString(s.Release) {
		c.at("release").mend(s.Release, "write the tag of one release of the ghcr.io/jitsi images, such as %q", Defaults().Release)
	}
}

func (s Settings) validateZone(c check) {
	c.at("id").text(s.HostedZone.ID, zoneForm, `write the public zone's id, "Z" and 1 to 31 capitals and digits`)
	zone := s.HostedZone.Name
	if !host(c.at("name"), zone, `write the public zone's name, such as "example.org"`) || !hostForm.MatchString(s.Domain) {
		return
	}
	domain := check{c.report, "fleet.domain"}
	if s.Domain != zone && !strings.HasSuffix(s.Domain, "."+zone) {
		domain.mend(s.Domain, "write %q or a name that ends in %q, which is fleet.hostedZone.name", zone, "."+zone)
	}
	if s.CertificateArn == "" && len(s.Domain) > maxCertificateName {
		domain.mend(s.Domain, "write at most %d characters, which is what a certificate's name can have", maxCertificateName)
	}
}

func host(c check, v, mend string) bool {
	if len(v) > maxHostLen {
		c.mend(v, "write at most %d characters", maxHostLen)
		return false
	}
	return c.text(v, hostForm, mend)
}

func (e Edge) validate(c check) {
	c.at("slots").whole(e.Slots, 2, 4)
	instanceType(c.at("instanceType"), e.InstanceType)
	c.at("tableSize").whole(e.TableSize, 1_000, 10_000_000)
	c.at("tableExpiry").duration(e.TableExpiry, time.Minute, 24*time.Hour)
	c.at("shardLimit").whole(e.ShardLimit, 0, 100_000)
	c.at("connectionRate").whole(e.ConnectionRate, 100, 1_000_000)
	c.at("warmUp").duration(e.WarmUp, 5*time.Second, 5*time.Minute)
	c.at("mendPause").duration(e.MendPause, 2*time.Minute, 24*time.Hour)
}

func (s Signal) validate(c check, hook Duration) {
	instanceType(c.at("instanceType"), s.InstanceType)
	if c.at("admissionGrace").duration(s.AdmissionGrace, time.Minute, 2*time.Hour) {
		holdable(c.at("admissionGrace"), s.AdmissionGrace, hook)
	}
}

func (i Intervals) validate(c check) {
	c.at("agentPoll").duration(i.AgentPoll, 500*time.Millisecond, 30*time.Second)
	c.at("agentTimeout").duration(i.AgentTimeout, 100*time.Millisecond, 10*time.Second)
	thrice := 3 * min(max(i.AgentPoll.D(), 500*time.Millisecond), 30*time.Second)
	c.at("staleAfter").duration(i.StaleAfter, thrice, 5*time.Minute)
	c.at("sickAfter").duration(i.SickAfter, thrice, 5*time.Minute)
}

func (a Alerts) validate(c check) {
	seen := map[string]string{}
	validateAddresses(c.at("email"), a.Email, seen)
	validateAddresses(c.at("pageEmail"), a.PageEmail, seen)
	c.at("monthlyBudgetUSD").whole(a.MonthlyBudgetUSD, 0, maxBudget)
}

// maxBudget in USD a month: a fleet that costs more has another mistake.
const maxBudget = 10_000_000

func validateAddresses(c check, addresses []string, seen map[string]string) {
	for i, address := range addresses {
		at := c.element(i)
		parsed, err := mail.ParseAddress(address)
		if err != nil || parsed.Address != address || !strings.Contains(address, ".") {
			at.mend(address, `write one bare e-mail address, such as "ops@example.org"`)
			continue
		}
		unique(at, strings.ToLower(address), seen)
	}
}

func validateTags(c check, tags map[string]string) {
	if len(tags) > maxTags {
		c.mend(len(tags), "write at most %d tags", maxTags)
	}
	for key, value := range tags {
		lower := strings.ToLower(key)
		switch at := c.at(key); {
		case strings.HasPrefix(lower, "aws:") || strings.HasPrefix(lower, "jitsi-fleet:"):
			at.mend(value, `write a key that begins neither with "aws:" nor with "jitsi-fleet:", which are reserved`)
		case key == "" || len([]rune(key)) > maxTagKey || !tagForm.MatchString(key):
			at.mend(value, "write a key of 1 to %d letters, digits, spaces and _.:/=+-@", maxTagKey)
		case len([]rune(value)) > maxTagValue || !tagForm.MatchString(value):
			at.mend(value, "write a value of at most %d letters, digits, spaces and _.:/=+-@", maxTagValue)
		}
	}
}
