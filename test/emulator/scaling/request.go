package scaling

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/ident"
)

// request is one call of the query API.
type request struct{ url.Values }

// list reads a list of texts: "Name.member.1", "Name.member.2", ...
func (r request) list(name string) []string {
	var out []string
	for n := 1; ; n++ {
		v, ok := r.Values[fmt.Sprintf("%s.member.%d", name, n)]
		if !ok {
			return out
		}
		out = append(out, v[0])
	}
}

// number reads an optional whole number.
func (r request) number(name string) (value int, given bool, err error) {
	text := r.Get(name)
	if text == "" {
		return 0, false, nil
	}
	if value, err = strconv.Atoi(text); err != nil {
		return 0, false, refusal("%s must be a number, it is %q", name, text)
	}
	return value, true, nil
}

func (r request) yes(name string) bool { return r.Get(name) == "true" }

// Fault is an error as the service words it.
type Fault struct {
	Code    string
	Message string
	Status  int
}

func (f *Fault) Error() string { return f.Code + ": " + f.Message }

// refusal is a ValidationError, the code of nearly every error of this service.
func refusal(format string, args ...any) *Fault {
	return &Fault{Code: "ValidationError", Message: fmt.Sprintf(format, args...), Status: http.StatusBadRequest}
}

// operations are the calls that the engine knows. Each runs with the lock held.
var operations = map[string]func(*Engine, request) (any, error){
	"DescribeAutoScalingGroups":           (*Engine).describeGroups,
	"DescribeAutoScalingInstances":        (*Engine).describeInstances,
	"DescribeLifecycleHooks":              (*Engine).describeHooks,
	"DescribeScalingActivities":           (*Engine).describeActivities,
	"SetDesiredCapacity":                  (*Engine).setDesiredCapacity,
	"UpdateAutoScalingGroup":              (*Engine).updateGroup,
	"TerminateInstanceInAutoScalingGroup": (*Engine).terminateInstance,
	"SetInstanceProtection":               (*Engine).setProtection,
	"SetInstanceHealth":                   (*Engine).setHealth,
	"SuspendProcesses":                    (*Engine).suspend,
	"ResumeProcesses":                     (*Engine).resume,
	"CompleteLifecycleAction":             (*Engine).completeAction,
	"RecordLifecycleActionHeartbeat":      (*Engine).recordHeartbeat,
	"CreateOrUpdateTags":                  (*Engine).tag,
}

// Serve answers one call. An action that the engine does not know is refused and reported as a problem.
func (e *Engine) Serve(w http.ResponseWriter, form url.Values) {
	action := form.Get("Action")
	operation, known := operations[action]
	if !known {
		err := &Fault{Code: "NotImplemented", Status: http.StatusNotImplemented,
			Message: "the emulator's Auto Scaling does not know " + action}
		e.options.Problem(err)
		writeFault(w, err)
		return
	}
	e.mu.Lock()
	result, err := operation(e, request{form})
	e.mu.Unlock()
	if err != nil {
		var fault *Fault
		if !errors.As(err, &fault) {
			fault = &Fault{Code: "InternalFailure", Message: err.Error(), Status: http.StatusInternalServerError}
		}
		writeFault(w, fault)
		return
	}
	e.poke()
	writeResult(w, action, result)
}

const namespace = "http://autoscaling.amazonaws.com/doc/2011-01-01/"

// writeResult wraps a result as <ActionResponse><ActionResult>...</ActionResult>.
func writeResult(w http.ResponseWriter, action string, result any) {
	w.Header().Set("Content-Type", "text/xml")
	encoder := xml.NewEncoder(w)
	outer := xml.StartElement{Name: xml.Name{Local: action + "Response"},
		Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: namespace}}}
	metadata := struct {
		XMLName   xml.Name `xml:"ResponseMetadata"`
		RequestID string   `xml:"RequestId"`
	}{RequestID: ident.UUID()}
	_ = encoder.EncodeToken(outer)
	if result == nil {
		result = struct{}{}
	}
	_ = encoder.EncodeElement(result, xml.StartElement{Name: xml.Name{Local: action + "Result"}})
	_ = encoder.Encode(metadata)
	_ = encoder.EncodeToken(outer.End())
	_ = encoder.Flush()
}

func writeFault(w http.ResponseWriter, f *Fault) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(f.Status)
	type fault struct {
		Type, Code, Message string
	}
	_ = xml.NewEncoder(w).Encode(struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		Namespace string   `xml:"xmlns,attr"`
		Error     fault
		RequestID string `xml:"RequestId"`
	}{Namespace: namespace, Error: fault{"Sender", f.Code, f.Message}, RequestID: ident.UUID()})
}

// Target is a group that a call concerns, for policies that name groups or their tags.
type Target struct {
	ARN  string
	Tags map[string]string
}

// Targets lists the groups that a call names, by name, by instance or by tag resource.
func (e *Engine) Targets(form url.Values) []Target {
	r := request{form}
	e.mu.Lock()
	defer e.mu.Unlock()
	names := append(r.list("AutoScalingGroupNames"), r.Get("AutoScalingGroupName"))
	for _, id := range append(r.list("InstanceIds"), r.Get("InstanceId")) {
		if g, _ := e.find(id); g != nil {
			names = append(names, g.Name)
		}
	}
	for n := 1; r.Get(fmt.Sprintf("Tags.member.%d.Key", n)) != ""; n++ {
		names = append(names, r.Get(fmt.Sprintf("Tags.member.%d.ResourceId", n)))
	}
	slices.Sort(names)
	var targets []Target
	for _, name := range slices.Compact(names) {
		if g, ok := e.groups[name]; ok {
			t := Target{ARN: g.ARN, Tags: map[string]string{}}
			for _, tag := range g.Tags {
				t.Tags[tag.Key] = tag.Value
			}
			targets = append(targets, t)
		}
	}
	return targets
}
