package gen

import (
	"cmp"
	"iter"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/routegate/routegate/framework/route"
)

// A Move says that a route has another key in for_each now, and is the same route.
type Move struct{ From, To string }

// Moves returns the routes whose name has changed and whose route key has not. was has
// the earlier route keys by name. A name that is still in use, or was in use before,
// is in no Move, because Terraform refuses to move a resource from or to the
// address of another one.
func Moves(was map[string]string, now iter.Seq[*route.Route]) []Move {
	byKey := make(map[string]string, len(was))
	for name, key := range was {
		byKey[key] = name
	}
	names := namesOf(now)
	var moves []Move
	for r := range now {
		from, ok := byKey[r.Key()]
		_, used := was[r.Name]
		if ok && from != r.Name && !names[from] && !used {
			moves = append(moves, Move{from, r.Name})
		}
	}
	return moves
}

func namesOf(routes iter.Seq[*route.Route]) map[string]bool {
	names := make(map[string]bool)
	for r := range routes {
		names[r.Name] = true
	}
	return names
}

// Successor returns what the named file should hold now: what [Terraform] returns, and
// behind it the moved blocks of the routes that the file has under other names. The
// moved blocks that are in the file already stay, except those that Terraform would
// refuse now. So a block stays until somebody deletes it, which is safe once every
// state has been applied.
//
// Only TF can have blocks, and only the gateway of deploy/terraform has its routes at
// the addresses in them. Terraform refuses blocks for the resources of a module from
// elsewhere, such as the one of obytes. In any other root module they mean nothing.
//
// A file that cannot be read, or that is not HCL, has no routes. [CompareFile] and
// [WriteFile] report why it cannot be read.
func Successor(name string, t *route.Table, m Module, format Format, source string) []byte {
	data := Terraform(t, m, format, source)
	if m != Obytes || format != TF {
		return data
	}
	_, old, err := readRegular(name)
	if err != nil {
		return data
	}
	return appendMoves(data, movesOf(old, t))
}

// movesOf returns the moves that a file should have that has become one of the table.
func movesOf(old []byte, t *route.Table) []Move {
	was, written := readTF(old)
	moves := Moves(was, t.All())
	names, from, to := namesOf(t.All()), make(map[string]bool), make(map[string]bool)
	for _, m := range moves {
		from[m.From], to[m.To] = true, true
	}
	for _, m := range written {
		// Terraform refuses a move from a resource that there is, and two moves from
		// or to one address.
		if !names[m.From] && !from[m.From] && !to[m.To] {
			from[m.From], to[m.To] = true, true
			moves = append(moves, m)
		}
	}
	slices.SortFunc(moves, func(a, b Move) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	return moves
}

// readTF returns the route keys by name, and the moves, of a file that [Terraform] or
// [Successor] wrote.
func readTF(src []byte) (keys map[string]string, moves []Move) {
	keys = make(map[string]string)
	file, diags := hclsyntax.ParseConfig(src, "", hcl.InitialPos)
	if diags.HasErrors() {
		return keys, nil
	}
	for _, block := range file.Body.(*hclsyntax.Body).Blocks {
		switch block.Type {
		case "locals":
			attribute := block.Body.Attributes[Obytes.Variable()]
			if attribute == nil {
				continue
			}
			value, diags := attribute.Expr.Value(nil)
			if diags.HasErrors() || !value.CanIterateElements() {
				continue
			}
			for name, entry := range value.AsValueMap() {
				if !entry.Type().IsObjectType() || !entry.Type().HasAttribute("route_key") {
					continue
				}
				if key := entry.GetAttr("route_key"); key.Type() == cty.String && !key.IsNull() {
					keys[name] = key.AsString()
				}
			}
		case "moved":
			from, ok := routeName(block.Body.Attributes["from"])
			to, ok2 := routeName(block.Body.Attributes["to"])
			if ok && ok2 {
				moves = append(moves, Move{from, to})
			}
		}
	}
	return keys, moves
}

// The address of a route is aws_apigatewayv2_route.this["name"].
const (
	routeType  = "aws_apigatewayv2_route"
	routeLabel = "this"
)

func routeAddress(name string) hcl.Traversal {
	return hcl.Traversal{
		hcl.TraverseRoot{Name: routeType}, hcl.TraverseAttr{Name: routeLabel}, hcl.TraverseIndex{Key: cty.StringVal(name)},
	}
}

// routeName returns the name in the address of a route.
func routeName(attribute *hclsyntax.Attribute) (string, bool) {
	if attribute == nil {
		return "", false
	}
	address, diags := hcl.AbsTraversalForExpr(attribute.Expr)
	if diags.HasErrors() || len(address) != 3 || address.RootName() != routeType {
		return "", false
	}
	label, ok := address[1].(hcl.TraverseAttr)
	index, ok2 := address[2].(hcl.TraverseIndex)
	if !ok || !ok2 || label.Name != routeLabel || index.Key.Type() != cty.String {
		return "", false
	}
	return index.Key.AsString(), true
}

// appendMoves appends a moved block for each move.
func appendMoves(data []byte, moves []Move) []byte {
	if len(moves) == 0 {
		return data
	}
	f := hclwrite.NewEmptyFile()
	f.Body().AppendNewline()
	f.Body().AppendUnstructuredTokens(hclwrite.Tokens{{
		Type: hclsyntax.TokenComment,
		Bytes: []byte("# These routes have other names now. A block can be deleted once every state has been applied:\n" +
			"# gen-tf keeps it until then, and does not write it again.\n"),
	}})
	for _, m := range moves {
		f.Body().AppendNewline()
		block := f.Body().AppendNewBlock("moved", nil).Body()
		block.SetAttributeTraversal("from", routeAddress(m.From))
		block.SetAttributeTraversal("to", routeAddress(m.To))
	}
	return append(data, hclwrite.Format(f.Bytes())...)
}
