package units

type Celsius float64
