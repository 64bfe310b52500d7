package emulator

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// ServeHTTP answers one API call: refuses it, answers it, or passes it to moto.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in, err := readCall(r)
	if err != nil {
		c.problem(err)
		writeError(w, in, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	if err := c.authorize(r, in); err != nil {
		c.problem(err)
		refuse(w, in, err)
		return
	}
	if c.disturbed(w, in) {
		return
	}
	c.mu.Lock()
	live := c.deployed != nil
	c.mu.Unlock()
	if live {
		if answer := c.answer(r, in); answer != nil {
			answer(w)
			return
		}
	}
	c.passing.ServeHTTP(w, r)
}

// answered is what moto said to a call.
type answered struct {
	status int
	header http.Header
	body   []byte
}

// forward passes a call with a body to moto and reads the answer, for calls that have consequences here.
func (c *Cloud) forward(r *http.Request, body []byte) (answered, error) {
	out, err := http.NewRequestWithContext(r.Context(), r.Method, c.options.Moto+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return answered{}, err
	}
	out.Header = r.Header.Clone()
	out.Header.Del("Accept-Encoding") // the answer is read here
	out.Host = r.Host
	response, err := http.DefaultClient.Do(out)
	if err != nil {
		return answered{}, fmt.Errorf("moto does not answer: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return answered{response.StatusCode, response.Header, text}, err
}

// relay forwards a call and hands its answer back, after it has told of a good one.
func (c *Cloud) relay(r *http.Request, body []byte, tell func(answer []byte)) func(http.ResponseWriter) {
	return c.relayChanged(r, body, func(answer []byte) []byte {
		tell(answer)
		return answer
	})
}

// relayChanged forwards a call and hands its answer back; a good one is changed before.
func (c *Cloud) relayChanged(r *http.Request, body []byte, change func(answer []byte) []byte) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		answer, err := c.forward(r, body)
		if err != nil {
			c.unreachable(w, r, err)
			return
		}
		if answer.status/100 == 2 {
			answer.body = change(answer.body)
		}
		for name, values := range answer.header {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(answer.body)))
		w.WriteHeader(answer.status)
		_, _ = w.Write(answer.body)
	}
}

// refuse words a refusal as the service would.
func refuse(w http.ResponseWriter, in call, err error) {
	code := "AccessDenied"
	switch {
	case in.service == "ec2":
		code = "UnauthorizedOperation"
	case in.json11 || in.service == "lambda":
		code = "AccessDeniedException"
	}
	writeError(w, in, http.StatusForbidden, code, err.Error())
}

// writeError words an error in the protocol of a call: JSON, query or REST XML.
func writeError(w http.ResponseWriter, in call, status int, code, message string) {
	if in.json11 || in.service == "lambda" {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.Header().Set("X-Amzn-Errortype", code)
		if in.json11 && status < http.StatusInternalServerError {
			status = http.StatusBadRequest
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message, "Message": message})
		return
	}
	type fault struct{ Type, Code, Message string }
	one := fault{"Sender", code, message}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	var document any
	switch in.service {
	case "ec2":
		document = struct {
			XMLName   xml.Name `xml:"Response"`
			Error     fault    `xml:"Errors>Error"`
			RequestID string
		}{Error: one}
	case "s3":
		document = struct {
			XMLName xml.Name `xml:"Error"`
			Code    string
			Message string
		}{Code: code, Message: message}
	default:
		document = struct {
			XMLName   xml.Name `xml:"ErrorResponse"`
			Error     fault
			RequestID string `xml:"RequestId"`
		}{Error: one}
	}
	_ = xml.NewEncoder(w).Encode(document)
}
