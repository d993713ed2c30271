" Vim syntax for .cps, the image-processing language of CPUShare.
" Put this folder into the runtimepath, or copy syntax/ and ftdetect/ into ~/.vim.
if exists("b:current_syntax")
  finish
endif

syntax keyword cpsStatement   return break continue by in out param step let var
syntax keyword cpsConditional if else
syntax keyword cpsRepeat      for map scan
syntax keyword cpsDeclaration kernel fn record const test use
syntax keyword cpsBoolean     true false
syntax keyword cpsConstant    inf nan
syntax keyword cpsType        bool u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 image rows
syntax keyword cpsFunction    abs sqrt floor ceil trunc round min max sum argmin argmax count require embed
syntax keyword cpsFunction    div_floor mod_floor div_round
syntax match   cpsFunction    "\<\(sat\|wrap\|bits\)_[uif]\(8\|16\|32\|64\)\>"
syntax match   cpsView        "\.\(clamp\|mirror\|reflect101\|wrap\|zero\|drop\|or\)\>"hs=s+1
syntax match   cpsNumber      "\<\d[0-9_]*\(\.\d[0-9_]*\)\?\([eE][+-]\?\d[0-9_]*\)\?\(f32\|f64\)\?\>"
syntax match   cpsNumber      "\<0[xX][0-9a-fA-F_]\+\>\|\<0[bB][01_]\+\>"
syntax region  cpsString      start=+"+ skip=+\\.+ end=+"+ oneline
syntax keyword cpsTodo        contained TODO FIXME XXX
syntax match   cpsComment     "//.*$" contains=cpsTodo,@Spell
syntax match   cpsDoc         "//[/!].*$" contains=@Spell

highlight default link cpsStatement   Statement
highlight default link cpsConditional Conditional
highlight default link cpsRepeat      Repeat
highlight default link cpsDeclaration Keyword
highlight default link cpsBoolean     Boolean
highlight default link cpsConstant    Constant
highlight default link cpsType        Type
highlight default link cpsFunction    Function
highlight default link cpsView        Identifier
highlight default link cpsNumber      Number
highlight default link cpsString      String
highlight default link cpsTodo        Todo
highlight default link cpsComment     Comment
highlight default link cpsDoc         SpecialComment

let b:current_syntax = "cps"
