package framework_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework"
)

// Events of schedules, as AWS's documentation shows them (EventBridge user guide,
// "Creating a rule that runs on a schedule"). EventBridge Scheduler's own default
// is not documented: its detail is a text (cloud-custodian/cloud-custodian#9566).
const (
	ruleEvent = `{"version":"0","id":"89d1a02d-5ec7-412e-82f5-13505f849b41","detail-type":"Scheduled Event","source":"aws.events",
		"account":"123456789012","time":"2026-12-30T18:44:49Z","region":"us-east-1",
		"resources":["arn:aws:events:us-east-1:123456789012:rule/SampleRule"],"detail":{}}`
	schedulerEvent = `{"version":"0","id":"d32c5kddcf5bb8c3","detail-type":"Scheduled Event","source":"aws.scheduler",
		"account":"123456789012","time":"2026-12-30T18:44:49Z","region":"us-east-1",
		"resources":["arn:aws:scheduler:us-east-1:123456789012:schedule/default/warm"],"detail":"{}"}`
)

func TestWarmUp(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, payload string
		want          value // in the log
	}{
		{"constant input", `{"warmer": true}`, value{"msg": "warm-up", "source": "warmer"}},
		{"one instance", `{"warmer":true,"concurrency":1}`, value{"msg": "warm-up", "source": "warmer"}},
		{"more than one", "\n{\n \"concurrency\" : 3,\n \"warmer\" : true\n}\n", value{"msg": "warm-up of this instance only: concurrency is ignored", "source": "warmer", "concurrency": 3.}},
		{"no number", `{"warmer":true,"concurrency":"secret"}`, value{"msg": "warm-up", "source": "warmer"}},
		{"other keys", `{"warmer":true,"concurrency":2,"__WARMER_INVOCATION__":1,"secret":"secret"}`, value{"msg": "warm-up of this instance only: concurrency is ignored", "source": "warmer", "concurrency": 2.}},
		{"rule", ruleEvent, value{"msg": "warm-up", "source": "aws.events"}},
		{"schedule", schedulerEvent, value{"msg": "warm-up", "source": "aws.scheduler"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, accessManifest, framework.Options{}, accessHandlers...)
			routes := s.lines(t)[0]["routes"]
			out, err := s.app.Invoke(t.Context(), []byte(test.payload))
			if err != nil || string(out) != fmt.Sprintf(`{"warm":true,"routes":%v}`, routes) {
				t.Errorf("answer %s, error %v", out, err)
			}
			if s.ran != "" {
				t.Errorf("the handler %s ran", s.ran)
			}
			lines := s.lines(t)
			if len(lines) != 1 {
				t.Fatalf("log is %v", lines)
			}
			delete(lines[0], "time")
			test.want["level"] = "INFO"
			if diff := cmp.Diff(test.want, lines[0]); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}

// What is a gateway's event, or meant to be one, is no warm-up, whatever else
// is in it.
func TestNoWarmUp(t *testing.T) {
	t.Parallel()
	s := newService(t, accessManifest, framework.Options{}, accessHandlers...)
	all := []func(value){at("warmer", true), at("concurrency", 2), at("source", "aws.events"), at("detail-type", "Scheduled Event")}
	if got := s.invoke(t, get("/admins", nobody, all...)); got != refused(401, "no_principal") {
		t.Errorf("a request that is a warm-up too: %+v", got)
	}
	if got := s.invoke(t, get("/open", nobody, all...)); got != ran("open") {
		t.Errorf("a request that is a warm-up too: %+v", got)
	}
	alb := value{"requestContext": value{"elb": value{"targetGroupArn": "arn"}}, "httpMethod": "GET", "path": "/open", "headers": value{"host": "lb"}, "warmer": true}
	if got := s.invoke(t, alb); got != ran("open") {
		t.Errorf("a load balancer's request that is a warm-up too: %+v", got)
	}

	for _, payload := range []string{
		`{"warmer":false}`, `{"warmer":1}`, `{"warmer":"true"}`, `{"warmer":null}`, `{"Warmer":true}`, `{"concurrency":3}`,
		`[{"warmer":true}]`, `true`, `{"warmer":true`, `{"warmer":true} {}`, `{"detail":{"warmer":true}}`, `{"body":"{\"warmer\":true}"}`,
		`{"warmer":true,"requestContext":{}}`, `{"warmer":true,"requestContext":null}`, `{"requestContext":{"http":{}},"version":"2.0","warmer":true}`,
		strings.Replace(ruleEvent, "aws.events", "aws.ec2", 1), strings.Replace(ruleEvent, "aws.events", "my.app", 1),
		strings.Replace(ruleEvent, "Scheduled Event", "EC2 Instance State-change Notification", 1),
		strings.Replace(ruleEvent, `"aws.events"`, `["aws.events"]`, 1), strings.Replace(ruleEvent, "source", "Source", 1),
		strings.Replace(ruleEvent, `"detail"`, `"requestContext":{},"detail"`, 1),
	} {
		out, err := s.app.Invoke(t.Context(), []byte(payload))
		if err == nil || out != nil {
			t.Errorf("%s: answer %s, error %v", payload, out, err)
		}
	}
}
