const {columns,rows}=JSON.parse(document.getElementById('data').textContent);
const all=rows.map(r=>({r,t:r.join(' ').toLowerCase()}));const body=document.querySelector('#rows tbody'),said=document.getElementById('said');
let sort=-1,down=false,shown=200,words=[];
function draw(){let found=all.filter(x=>words.every(w=>x.t.includes(w)));
if(sort>=0){found=found.slice().sort((a,b)=>{const x=a.r[sort],y=b.r[sort];const c=typeof x==='number'?x-y:String(x).localeCompare(String(y),undefined,
{numeric:true});return down?-c:c})}
const part=document.createDocumentFragment();for(const {r} of found.slice(0,shown)){const tr=document.createElement('tr');
columns.forEach((name,i)=>{const td=document.createElement('td');td.textContent=r[i];td.className=name+(name==='severity'?' '+r[i]:'');
if(name==='code')td.title=r[r.length-1];tr.append(td)});tr.title=r[r.length-1];part.append(tr)}
body.replaceChildren(part);said.textContent=found.length.toLocaleString()+' of '+all.length.toLocaleString()+' findings';
document.getElementById('more').hidden=found.length<=shown}
document.getElementById('search').addEventListener('input',e=>{words=e.target.value.toLowerCase().split(/\s+/).filter(Boolean);shown=200;draw()});
document.getElementById('more').addEventListener('click',()=>{shown+=1000;draw()});
document.querySelectorAll('#rows th').forEach((th,i)=>{const go=()=>{down=sort===i?!down:false;sort=i;document.querySelectorAll('#rows th').forEach(
x=>x.removeAttribute('aria-sort'));th.setAttribute('aria-sort',down?'descending':'ascending');draw()};th.addEventListener('click',go);
th.addEventListener('keydown',e=>{if(e.key==='Enter'||e.key===' '){e.preventDefault();go()}})});
document.querySelectorAll('[data-find]').forEach(a=>a.addEventListener('click',e=>{e.preventDefault();const s=document.getElementById('search');
s.value=a.dataset.find;s.dispatchEvent(new Event('input'));s.scrollIntoView({behavior:'smooth'})}));draw();
