package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"math/big"
	"strings"
)

// solve solves a linear equation in one unknown, such as 2*x + 3 = 11, or
// computes an expression without one.
func solve(equation string) (string, error) {
	left, right, isEquation := strings.Cut(equation, "=")
	l, err := parse(left)
	if err != nil {
		return "", err
	}
	if !isEquation {
		if l.unknown != "" {
			return "", fmt.Errorf("%q says nothing about %s: an equation has a =", equation, l.unknown)
		}
		return l.constant.RatString(), nil
	}
	r, err := parse(right)
	if err != nil {
		return "", err
	}
	d, err := l.plus(r, -1)
	if err != nil {
		return "", err
	}
	switch {
	case d.factor.Sign() != 0:
		x := d.constant.Quo(&d.constant, &d.factor)
		return d.unknown + " = " + x.Neg(x).RatString(), nil
	case d.constant.Sign() == 0:
		return "always true", nil
	}
	return "never true", nil
}

// linear is factor*unknown + constant.
type linear struct {
	factor, constant big.Rat
	unknown          string // "" if there is none
}

func parse(text string) (*linear, error) {
	e, err := parser.ParseExpr(text)
	var list scanner.ErrorList
	if errors.As(err, &list) {
		// The position is that in a part of what was typed.
		return nil, fmt.Errorf("%q: %s", strings.TrimSpace(text), list[0].Msg)
	}
	if err != nil {
		return nil, err
	}
	return eval(e)
}

func eval(e ast.Expr) (*linear, error) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return eval(e.X)
	case *ast.Ident:
		l := &linear{unknown: e.Name}
		l.factor.SetInt64(1)
		return l, nil
	case *ast.BasicLit:
		l := &linear{}
		if strings.Trim(e.Value, "0123456789.") != "" {
			return nil, fmt.Errorf("%s is not a decimal number", e.Value)
		}
		l.constant.SetString(e.Value)
		return l, nil
	case *ast.UnaryExpr:
		x, err := eval(e.X)
		if err != nil {
			return nil, err
		}
		switch e.Op {
		case token.ADD:
			return x, nil
		case token.SUB:
			return new(linear).plus(x, -1)
		}
		return nil, fmt.Errorf("cannot compute with %s", e.Op)
	case *ast.BinaryExpr:
		x, err := eval(e.X)
		if err != nil {
			return nil, err
		}
		y, err := eval(e.Y)
		if err != nil {
			return nil, err
		}
		switch e.Op {
		case token.ADD:
			return x.plus(y, 1)
		case token.SUB:
			return x.plus(y, -1)
		case token.MUL:
			return x.times(y)
		case token.QUO:
			return x.over(y)
		}
		return nil, fmt.Errorf("cannot compute with %s", e.Op)
	}
	return nil, errors.New("only numbers, an unknown, + - * / and parentheses make an equation")
}

// plus adds sign*y to x.
func (x *linear) plus(y *linear, sign int64) (*linear, error) {
	if x.unknown == "" {
		x.unknown = y.unknown
	} else if y.unknown != "" && y.unknown != x.unknown {
		return nil, fmt.Errorf("two unknowns, %s and %s", x.unknown, y.unknown)
	}
	s := big.NewRat(sign, 1)
	x.factor.Add(&x.factor, new(big.Rat).Mul(&y.factor, s))
	x.constant.Add(&x.constant, new(big.Rat).Mul(&y.constant, s))
	return x, nil
}

func (x *linear) times(y *linear) (*linear, error) {
	if y.unknown != "" {
		x, y = y, x
	}
	if y.unknown != "" {
		return nil, errors.New("not linear: a product of unknowns")
	}
	x.factor.Mul(&x.factor, &y.constant)
	x.constant.Mul(&x.constant, &y.constant)
	return x, nil
}

func (x *linear) over(y *linear) (*linear, error) {
	if y.unknown != "" {
		return nil, errors.New("not linear: a division by the unknown")
	}
	if y.constant.Sign() == 0 {
		return nil, errors.New("division by zero")
	}
	x.factor.Quo(&x.factor, &y.constant)
	x.constant.Quo(&x.constant, &y.constant)
	return x, nil
}
