package drift

import (
	"encoding/json"
	"io"
)

// The JSON that drift -json prints. Programs read it, so its keys stay as they are.
type (
	reportJSON struct {
		Clean      bool          `json:"clean"`
		Exposed    int           `json:"exposed"`
		Unknown    int           `json:"unknown"`
		Blocked    int           `json:"blocked"`
		Orphans    int           `json:"orphans"`
		Missing    int           `json:"missing"`
		NotCounted int           `json:"not_counted"`
		Findings   []findingJSON `json:"findings"`
		Read       []string      `json:"read"`
		Assumed    []string      `json:"assumed"`
		Function   *functionJSON `json:"function,omitempty"` // if somebody asked the function
	}
	findingJSON struct {
		Kind       Kind          `json:"kind"`
		Route      *routeJSON    `json:"route"`    // null: the manifest has none
		Deployed   *deployedJSON `json:"deployed"` // null: the gateway has none
		Authorizer string        `json:"authorizer,omitempty"`
		Door       *doorJSON     `json:"door,omitempty"`
		Gap        *gapJSON      `json:"gap,omitempty"` // of the kind "unknown"
		Request    string        `json:"request"`       // GET /v1/users/42; "" if no request shows it
		Caller     string        `json:"caller"`
		Groups     []string      `json:"groups"`
		Scopes     []string      `json:"scopes"`
		Enforced   bool          `json:"enforced"` // the function refuses it
		Counted    bool          `json:"counted"`
		Message    string        `json:"message"`
		Then       string        `json:"then"`
	}
	routeJSON struct {
		Key  string `json:"key"`
		File string `json:"file"`
		Line int    `json:"line"`
	}
	deployedJSON struct {
		Key    string `json:"key"` // "" if it is not known
		Where  string `json:"where"`
		Target string `json:"target,omitempty"`
		Note   string `json:"note,omitempty"`
	}
	doorJSON struct {
		Kind   DoorKind `json:"kind"`
		Where  string   `json:"where"`
		Detail string   `json:"detail,omitempty"`
	}
	gapJSON struct {
		Missing string `json:"missing"`
		Get     string `json:"get"`
		Might   Kind   `json:"might"` // the worst kind that it decides about; "" for any
		Others  int    `json:"others"`
	}
	functionJSON struct {
		ManifestDigest string `json:"manifest_digest"`
		Want           string `json:"want"`
		Same           bool   `json:"same"`
	}
)

// PrintJSON writes the report for programs.
func (r *Report) PrintJSON(out io.Writer) error {
	report := reportJSON{
		Clean:   r.ExitCode() == 0,
		Exposed: r.count(Exposed), Unknown: r.count(NotKnown), Blocked: r.count(Blocked),
		Orphans: r.count(Orphan), Missing: r.count(Missing), NotCounted: len(r.NotCounted),
		Findings: []findingJSON{}, Read: notNil(r.Read), Assumed: notNil(r.Assumed),
	}
	for i, list := range [][]Finding{r.Findings, r.NotCounted} {
		for _, f := range list {
			report.Findings = append(report.Findings, r.finding(&f, i == 0))
		}
	}
	if r.Built != "" {
		report.Function = &functionJSON{r.Built, r.Digest, !r.otherManifest()}
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(report)
}

func (r *Report) finding(f *Finding, counted bool) findingJSON {
	j := findingJSON{
		Kind: f.Kind, Groups: notNil(f.Caller.Principal.Groups), Scopes: notNil(f.Caller.Principal.Scopes),
		Enforced: f.Enforced, Counted: counted, Message: f.Message, Then: f.Then,
	}
	if f.Path != "" {
		j.Request, j.Caller = f.Method+" "+f.Path, callerOf(f)
	}
	if f.Route != nil {
		j.Route = &routeJSON{f.Route.Key(), r.Manifest, f.Route.Line}
	}
	if d := f.Deployed; d != nil {
		key, _ := d.Key.Get()
		j.Deployed = &deployedJSON{Key: key, Where: d.Where, Note: d.Note}
		if i, _ := d.Integration.Get(); i != nil {
			j.Deployed.Target = i.Target
		}
	}
	if f.Authorizer != nil {
		j.Authorizer = f.Authorizer.Where
	}
	if f.Door != nil {
		j.Door = &doorJSON{f.Door.Kind, f.Door.Where, f.Door.Detail}
	}
	if f.Kind == NotKnown {
		j.Gap = &gapJSON{f.Gap.What, f.Gap.Get, f.Might, f.Others}
	}
	return j
}

func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
