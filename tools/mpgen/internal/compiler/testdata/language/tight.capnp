@0xa1b2c3d4e5f60007;struct Tight{a@0:Int32= -1;b@1:List(Text)=["x","y"];union{c@2:Void;d@3:Void;}}#late
#two
  # three

#four
enum E{a@0;b@1;}interface I{m@0(a:Int32)->(b:Text);}#eof